/** The receipt as a picture: drawn from what the card shows, saved where the person wants it. */
import { all, enhance, one } from "./dom.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

const WIDTH = 720;
const MARGIN = 48;
const FONT = '"PingFang SC","HarmonyOS Sans SC","MiSans","Microsoft YaHei","Noto Sans CJK SC",sans-serif';

async function picture(of: Element): Promise<HTMLImageElement | null> {
  const image = new Image();
  if (of instanceof SVGElement) {
    const copy = of.cloneNode(true) as SVGElement;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  } else if (of instanceof HTMLImageElement) {
    image.src = of.src;
  } else return null;
  await image.decode();
  return image;
}

function wrapped(context: CanvasRenderingContext2D, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const character of text) {
    if (context.measureText(line + character).width > width) {
      lines.push(line);
      line = "";
    }
    line += character;
  }
  return [...lines, line];
}

async function draw(card: HTMLElement): Promise<Blob | null> {
  const number = one("[data-receipt-number]", card)?.textContent?.trim() ?? "";
  const rows = all("dt", card).map((term) => [
    term.textContent?.trim() ?? "",
    term.nextElementSibling?.textContent?.trim() ?? "",
  ]);
  const code = one("[data-receipt-qr]", card)?.querySelector("svg, img");
  const qr = code ? await picture(code) : null;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!context) return null;
  const text = (words: string, x: number, y: number, font: string, colour: string) => {
    context.font = `${font} ${FONT}`;
    context.fillStyle = colour;
    context.fillText(words, x, y);
  };
  canvas.width = WIDTH;
  canvas.height = 2000;
  context.font = `30px ${FONT}`;
  const bodies = rows.map(([, value]) => wrapped(context, value ?? "", WIDTH - 2 * MARGIN));
  const lines = bodies.reduce((sum, body) => sum + body.length, 0);
  canvas.height = 200 + rows.length * 46 + lines * 44 + (qr ? 340 : 0) + 40;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, WIDTH, canvas.height);
  context.fillStyle = "#0b6e63";
  context.fillRect(0, 0, WIDTH, 12);
  text(
    `${document.title.split("·").pop()?.trim() ?? ""} · ${say("回执编号")}`,
    MARGIN,
    76,
    "26px",
    "#5f6b78",
  );
  text(number, MARGIN, 136, "600 44px", "#1b2430");
  let y = 196;
  rows.forEach(([term], position) => {
    text(term ?? "", MARGIN, y, "24px", "#5f6b78");
    y += 42;
    for (const line of bodies[position] ?? []) {
      text(line, MARGIN, y, "30px", "#1b2430");
      y += 44;
    }
    y += 4;
  });
  if (qr) context.drawImage(qr, (WIDTH - 300) / 2, y, 300, 300);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

export function startReceipts(): void {
  enhance<HTMLButtonElement>("[data-receipt-save]", (button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const card = one("[data-receipt]");
      const blob = card ? await draw(card).catch(() => null) : null;
      if (!blob) {
        toast(say("图片没有存成，请截屏保存。"));
        return;
      }
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${button.dataset.receiptSave ?? "receipt"}.png`;
      link.click();
      window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  });
}
