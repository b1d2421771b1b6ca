/** Web Push: asked for by a button, never on arrival. */
import { enhance, meta } from "./dom.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

async function subscribe(url: string): Promise<boolean> {
  const registration = await navigator.serviceWorker.ready;
  const key = bytes(meta("vapid-public-key"));
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: key,
  });
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": meta("csrf-token") },
    body: JSON.stringify(subscription),
  });
  return answer.ok;
}

/** `<button data-push-subscribe="/address">` posts the subscription as JSON; hidden where nothing can be pushed. */
export function startPush(): void {
  enhance<HTMLButtonElement>("[data-push-subscribe]", (button) => {
    const able = "serviceWorker" in navigator && "PushManager" in window && meta("vapid-public-key") !== "";
    if (!able) {
      button.replaceWith(say("这台设备不支持通知。紧急的事会改发短信或打电话。"));
      return;
    }
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        if ((await Notification.requestPermission()) !== "granted") {
          toast(say("您没有允许通知。可以在浏览器设置里打开。"));
        } else if (await subscribe(button.dataset.pushSubscribe ?? "")) {
          toast(say("已开启通知"));
          return;
        }
      } catch {
        toast(say("这台设备不支持通知。紧急的事会改发短信或打电话。"));
      }
      button.disabled = false;
    });
  });
}
