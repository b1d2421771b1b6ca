/** Photos: previewed and scaled down on the phone before anything is sent; a picture that cannot be read is said so. */
import { enhance, make, one } from "./dom.js";
import { say } from "./words.js";

const LONGEST_SIDE = 1600;
const QUALITY = 0.85;

/** Width and height with the longer side at most `longest`, never enlarged. */
export function fitted(width: number, height: number, longest = LONGEST_SIDE): [number, number] {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

/** The photo as JPEG of at most 1600 px; drawing it anew also drops its location data. */
async function scaled(file: File): Promise<File> {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const [width, height] = fitted(picture.width, picture.height);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
  picture.close();
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new Error("no picture");
  return new File([blob], `${file.name.replace(/\.[^.]+$/, "") || "photo"}.jpg`, { type: "image/jpeg" });
}

async function accepted(file: File): Promise<File | null> {
  try {
    return await scaled(file);
  } catch {
    // Sent as it is, HEIC and the like would be refused: the server reads JPEG, PNG and WebP only.
    return null;
  }
}

export function startPhotos(): void {
  enhance<HTMLInputElement>("input[data-photo]", (input) => {
    const field = input.closest<HTMLElement>("[data-photo-field]");
    const list = field && one("[data-photo-previews]", field);
    const error = field && one("[data-photo-error]", field);
    if (!field || !list || !error) return;
    const limit = input.multiple ? Number(input.dataset.photoLimit ?? 6) : 1;
    const words = one(".hy-photo-add span", field);
    const asked = words?.textContent ?? "";
    let chosen: File[] = [];

    const hand = () => {
      const transfer = new DataTransfer();
      for (const file of chosen) transfer.items.add(file);
      input.files = transfer.files;
    };
    const draw = () => {
      for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
      list.replaceChildren(
        ...chosen.map((file, position) => {
          const remove = make("button", { type: "button", "aria-label": say("去掉这张照片") }, "×");
          remove.addEventListener("click", () => {
            chosen = chosen.filter((_, other) => other !== position);
            hand();
            draw();
          });
          const image = make("img", { src: URL.createObjectURL(file), alt: file.name });
          return make("li", { class: "hy-photo" }, image, remove);
        }),
      );
      list.hidden = chosen.length === 0;
      if (words) words.textContent = chosen.length === 0 ? asked : say(limit === 1 ? "换一张" : "再加一张");
      field.classList.toggle("hy-photo-first", field.dataset.first !== undefined && chosen.length === 0);
    };
    const complain = (text: string) => {
      error.textContent = text;
      error.hidden = text === "";
    };
    if (field.classList.contains("hy-photo-first")) field.dataset.first = "";

    input.addEventListener("change", async () => {
      complain("");
      const files = [...(input.files ?? [])];
      input.setAttribute("aria-busy", "true");
      const results = await Promise.all(files.map(accepted));
      input.removeAttribute("aria-busy");
      const good = results.filter((file) => file !== null);
      if (good.length < files.length)
        complain(say("这个文件打不开，没有加上。请选一张 JPEG 或 PNG 格式的照片。"));
      const together = limit === 1 ? good : [...chosen, ...good];
      if (together.length > limit) complain(say("最多 %s 张照片，多出的没有加上。", limit));
      chosen = together.slice(0, limit);
      hand();
      draw();
    });
  });
}
