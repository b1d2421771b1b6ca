/** The desk face: desk, leader, auditor, administrator. */
import { startDialogs } from "./lib/dialog.js";
import { startKeyboard } from "./lib/keyboard.js";
import { startLargeType } from "./lib/large_type.js";
import { startLive } from "./lib/live.js";
import { startOffline } from "./lib/offline.js";
import { startPhotos } from "./lib/photo.js";
import { startPush } from "./lib/push.js";
import { startReceipts } from "./lib/receipt.js";
import { startRequests } from "./lib/requests.js";
import { startTheme } from "./lib/theme.js";
import { startToasts } from "./lib/toast.js";

startDialogs();
startRequests();
startToasts();
startKeyboard();
startLargeType();
startTheme();
startPhotos();
startReceipts();
startLive();
startOffline();
startPush();
