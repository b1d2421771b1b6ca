/** Words said by scripts. Simplified Chinese is the source; English stands here beside it. */

const ENGLISH: Record<string, string> = {
  撤销: "Undo",
  "请从列表里选一项。": "Please choose one from the list.",
  关闭: "Close",
  确定: "OK",
  取消: "Cancel",
  删除: "Delete",
  快捷键: "Keyboard shortcuts",
  下一条: "Next",
  上一条: "Previous",
  打开: "Open",
  "选中，可以选几件一起办": "Select; several can be dealt with at once",
  显示快捷键: "Show shortcuts",
  去掉这张照片: "Remove this photo",
  再加一张: "Add another",
  换一张: "Choose another",
  "最多 %s 张照片，多出的没有加上。": "At most %s photos; the rest were not added.",
  "这个文件打不开，没有加上。请选一张 JPEG 或 PNG 格式的照片。":
    "That file could not be opened and was not added. Please choose a JPEG or PNG photo.",
  "已保存在手机里。有信号后会自动再发，您不用重填。":
    "Saved on this phone. It will be sent when there is a signal; nothing has to be typed again.",
  "手机里存不下了，这一条还没有保存。请不要离开本页，有信号后再提交一次。":
    "This phone can keep no more, and this is not saved. Stay on this page and submit again when there is a signal.",
  "已发出 %s 条。": "%s sent.",
  待发的内容: "Waiting to be sent",
  等信号: "Waiting for a signal",
  没有发成: "Not sent",
  再试一次: "Try again",
  不发了: "Discard",
  全都发完了: "Everything has been sent",
  "登录过期了，内容还在手机里。请重新登录，会接着发。":
    "You have been signed out. Nothing is lost: sign in again and it will be sent.",
  "服务器没有接受：%s": "The server did not accept it: %s",
  "没有连上，内容没有丢。请稍后再试。": "No connection. Nothing was lost; please try again.",
  "没有办成，您填的内容都还在。": "That did not work. What you typed is still here.",
  已开启通知: "Notifications are on",
  "这台设备不支持通知。紧急的事会改发短信或打电话。":
    "This device cannot show notifications. Urgent matters will come by text message or telephone.",
  "您没有允许通知。可以在浏览器设置里打开。":
    "Notifications were not allowed. You can allow them in the browser's settings.",
  大字: "Large type",
  大: "Large",
  更大: "Larger",
  最大: "Largest",
  标准: "Standard",
  名称: "Name",
  数值: "Value",
  预警: "Alert",
  时间: "Time",
  无数据: "No data",
  网格图: "Map of grids",
  选事发地的地图: "Map to choose the place",
  放大: "Zoom in",
  缩小: "Zoom out",
  "地图没有加载出来，下面的表格里有同样的内容。":
    "The map could not be drawn; the table below has the same content.",
  "图没有加载出来。请稍后再试。": "The chart could not be loaded. Please try again later.",
  "经度 %s，纬度 %s": "longitude %s, latitude %s",
  "内容没有被改动：指纹与存证时一致": "The content is unchanged: its fingerprint is the sealed one",
  "按公开算法（SHA-256）重新计算，指纹开头 %s": "Computed anew with SHA-256; it begins with %s",
  "记录在总账里：第 %s 条，账上共 %s 条": "The record is in the log: number %s of %s",
  "沿 %s 个相邻指纹逐级合并，得到总账的根 %s": "Merged step by step with %s neighbours to the root %s",
  逐级合并得到的根与总账不一致: "The root obtained differs from the log's",
  总账的根与签名文件一致: "The root is that of the signed checkpoint",
  "签名文件写的是 %s，共 %s 条": "The checkpoint says %s, %s entries",
  签名文件里的条数或根与回执不一致: "Size or root in the checkpoint differ from the receipt",
  "签名文件不完整，读不出来": "The checkpoint is incomplete and cannot be read",
  "签名是真的：出自 %s": "The signature is genuine: made by %s",
  "Ed25519 签名，公钥指纹 %s": "Ed25519 signature, key %s",
  签名对不上: "The signature does not match",
  "验过了，这份记录真实、完整，存证后没有人动过":
    "Verified: genuine, complete, and unchanged since it was sealed",
  "没有通过。这份记录和总账对不上，请截图联系我们":
    "Not verified: this record does not match the log. Please send us a screenshot",
  "这一页的验证材料不完整，请刷新后再试": "The proof on this page is incomplete. Please reload and try again",
  "图片没有存成，请截屏保存。": "The picture could not be saved; please take a screenshot.",
  回执编号: "Receipt number",
  "%s 张": "%s photos",
  对外保密: "Kept secret",
  "忘掉 %s": "Forget %s",
  "这台手机存不下，请截屏保存。": "This phone cannot keep it; please take a screenshot.",
  "这台手机不再记着它，事情照常办。": "This phone has forgotten it. The matter goes on as before.",
  "%s，可打字查找": "%s; type to search",
  打字查找: "Type to search",
  "没有找到，换个说法试试。": "Nothing found; try other words.",
  "共 %s 项，再打几个字就能找到。": "%s in all; type a little more.",
  "%s 米": "%s m",
  "%s 公里": "%s km",
};

/** The words in the page's language, each `%s` replaced in order. */
export function say(chinese: string, ...parts: (string | number)[]): string {
  const english = typeof document !== "undefined" && document.documentElement.lang.startsWith("en");
  const text = english ? (ENGLISH[chinese] ?? chinese) : chinese;
  let next = 0;
  return text.replaceAll("%s", () => String(parts[next++] ?? ""));
}
