/** Maps of grids without tiles: shaded by a measure, with alerts; and the pin a resident drags to the place. */

import { startPickers } from "./lib/map_picker.js";
import { startMaps } from "./lib/map_view.js";

startMaps();
startPickers();
