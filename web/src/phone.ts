/** The phone face: residents and grid workers. */
import { startDialogs } from "./lib/dialog.js";
import { startKeptReceipts } from "./lib/kept_receipts.js";
import { startLargeType } from "./lib/large_type.js";
import { startLive } from "./lib/live.js";
import { startNear } from "./lib/near.js";
import { startOffline } from "./lib/offline.js";
import { startOutbox } from "./lib/outbox.js";
import { startPhotos } from "./lib/photo.js";
import { startPush } from "./lib/push.js";
import { startReceipts } from "./lib/receipt.js";
import { startReportSteps } from "./lib/report_steps.js";
import { startRequests } from "./lib/requests.js";
import { startToasts } from "./lib/toast.js";

startDialogs();
startOutbox();
startRequests();
startToasts();
startLargeType();
startPhotos();
startReceipts();
startReportSteps();
startKeptReceipts();
startNear();
startLive();
startOffline();
startPush();
