/** The phone face: residents and grid workers. */
import { startDialogs } from "./lib/dialog.js";
import { startLargeType } from "./lib/large_type.js";
import { startLive } from "./lib/live.js";
import { startOffline } from "./lib/offline.js";
import { startOutbox } from "./lib/outbox.js";
import { startPhotos } from "./lib/photo.js";
import { startPush } from "./lib/push.js";
import { startReceipts } from "./lib/receipt.js";
import { startRequests } from "./lib/requests.js";
import { startToasts } from "./lib/toast.js";

startDialogs();
startOutbox();
startRequests();
startToasts();
startLargeType();
startPhotos();
startReceipts();
startLive();
startOffline();
startPush();
