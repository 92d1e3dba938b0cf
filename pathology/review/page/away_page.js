// In the place of a page that cannot be made without the archive: it comes by itself when that is back.

import { watch } from "./away.js";
import { applyLooks, switches } from "./looks.js";
import { speak } from "./words.js";

async function begin() {
  applyLooks();
  await speak();
  switches(() => undefined);
  watch(() => location.reload())();
  document.body.dataset.ready = "true";
}

void begin();
