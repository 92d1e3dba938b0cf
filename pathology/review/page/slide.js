// The slide view: everything meets here.

import { Refused, askJson, open } from "./ask.js";
import { watch } from "./away.js";
import { correcting, correctingKeys } from "./correcting.js";
import { Drawing } from "./drawing.js";
import { drawExcluded } from "./excluded.js";
import { Findings } from "./findings.js";
import { Ground } from "./ground.js";
import { help, listen } from "./keys.js";
import { Layers } from "./layers.js";
import { applyLooks, otherLooks, switches } from "./looks.js";
import { byId, make } from "./make.js";
import { NucleiLayer } from "./nuclei.js";
import { drawNucleus } from "./nucleus.js";
import { notes } from "./notes.js";
import { Pencil } from "./pencil.js";
import { links } from "./place.js";
import { ruler } from "./ruler.js";
import { Scan } from "./scan.js";
import { Seen } from "./seen.js";
import { lookOf } from "./styles_of.js";
import { figure, say, sayOr, speak } from "./words.js";

const TABS = ["findings", "layers", "excluded", "assist", "correct"];
/** @type {(tab: string) => void} told when another tab is opened */
let opened = () => undefined;
const PAN = 0.15;
const address = location.pathname.replace(/^\/slides\//, "/results/");

/** @param {string} text */
function announce(text) {
  byId("status").textContent = text;
}

/** @param {unknown} problem @param {string} key */
function tell(problem, key) {
  const detail = problem instanceof Refused ? problem.detail : String(problem);
  const code = problem instanceof Refused ? sayOr(`refused.${problem.code}`, "") : "";
  byId("notices").append(make("div", { class: "notice", role: "alert" },
    make("p", { text: `${say(key)} ${code}` }), detail ? make("p", { lang: "en", text: detail }) : null));
}

/** @param {string} name */
function openTab(name) {
  for (const tab of TABS) {
    byId(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
    byId(`tab-${tab}`).tabIndex = tab === name ? 0 : -1;
    byId(tab).hidden = tab !== name;
  }
  opened(name);
}

/** @param {any} result */
function title(result) {
  const { slide } = result;
  const marker = slide.marker ? ` · ${slide.marker}` : "";
  byId("title").textContent = `${say(`title.${result.analysis}`)} · ${slide.id}`;
  byId("facts").textContent = `${sayOr(`stain.${slide.stain}`, slide.stain)}${marker} · ${say("facts.scale", {
    mpp: figure(slide.mpp), source: say(`source.${slide.mpp_source}`),
  })}${result.case_id ? ` · ${say("facts.case", { id: result.case_id })}` : ""}`;
  document.title = `${slide.id} · ${say("page")}`;
  const link = byId("to-case");
  link.hidden = !result.desk;
  if (result.desk) link.setAttribute("href", `/cases/${encodeURIComponent(result.desk.case)}`);
}

/** @type {() => void} what is done when server and archive are back */
let back = () => location.reload();
const suspect = watch(() => back());

async function begin() {
  applyLooks();
  await speak();
  openTab("findings");
  for (const tab of TABS) byId(`tab-${tab}`).addEventListener("click", () => openTab(tab));
  byId("tabs").addEventListener("keydown", (event) => {
    const tabs = TABS.filter((t) => !byId(`tab-${t}`).hidden);
    const now = tabs.findIndex((t) => byId(`tab-${t}`).getAttribute("aria-selected") === "true");
    const step = { ArrowRight: 1, ArrowLeft: tabs.length - 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    openTab(tabs[(now + step) % tabs.length]);
    byId(`tab-${tabs[(now + step) % tabs.length]}`).focus();
  });
  let result;
  try {
    result = await askJson(address);
  } catch (problem) {
    tell(problem, "no-result");
    return;
  }
  title(result);
  const [told, levels] = await Promise.all([
    askJson(`${address}/layers`).catch((problem) => {
      tell(problem, "no-layers");
      return null;
    }),
    askJson(`${address}/view`).then((v) => v.levels).catch((problem) => {
      tell(problem, "no-scan");
      return [];
    }),
  ]);
  desk(result, told ?? { regions: [], maps: [] }, levels, new Seen(result, told !== null));
}

/** @param {any} result @param {{regions: any[], maps: any[]}} told @param {import("./scan.js").Level[]} levels @param {Seen} seen */
async function desk(result, told, levels, seen) {
  const scan = new Scan(byId("scan"), result.slide, levels, `${address}/tiles`);
  await scan.ready();
  scan.viewer.addHandler("tile-load-failed", suspect);
  const layers = new Layers(told, result.analysis, (light) => {
    if (!light) layers.draw(byId("layers"));
    seen.look(layers);
    scan.again();
  });
  const ground = new Ground(scan, address, told, layers);
  const nuclei = new NucleiLayer(scan, address, result.analysis, layers);
  ground.names();
  const pencil = new Pencil(scan);
  const drawing = new Drawing(pencil, address, byId("assist"), () => drawing.draw());
  const correct = await correcting({ address, result, scan, pencil, nuclei }).catch((problem) => {
    tell(problem, "no-correcting");
    return null;
  });
  opened = (tab) => correct?.parts.corrector.show(tab === "correct");
  /** @param {string[]} ids */
  const show = (ids) => {
    const boxes = told.regions.filter((r) => ids.includes(r.id)).map((r) => r.bounds);
    if (!boxes.length) return;
    for (const region of told.regions.filter((r) => ids.includes(r.id))) layers.toggle(lookOf(region)?.layer ?? "", true);
    ground.pointed = ids.length === 1 ? ids[0] : null;
    scan.show({
      left: Math.min(...boxes.map((b) => b[0])), top: Math.min(...boxes.map((b) => b[1])),
      right: Math.max(...boxes.map((b) => b[2])), bottom: Math.max(...boxes.map((b) => b[3])),
    });
    announce(say("moved", { name: layers.nameOf(told.regions.find((r) => r.id === ids[0])) }));
  };
  const findings = new Findings(result, told.regions, layers, show);
  /** @type {any} */
  let nucleus;
  const drawAll = () => {
    title(result);
    findings.draw(byId("findings"));
    layers.draw(byId("layers"));
    drawExcluded(byId("excluded"), result, told.regions, show);
    drawing.draw();
    correct?.draw();
    if (nucleus !== undefined) drawNucleus(byId("nucleus"), nucleus, layers, told.regions);
    scan.again();
  };
  ruler(scan);
  drawAll();
  const { otherLanguage } = switches(drawAll);
  /** @param {import("./frame.js").Point} at CSS px */
  const choose = async (at) => {
    try {
      nucleus = await nuclei.choose(at);
      drawNucleus(byId("nucleus"), nucleus, layers, told.regions);
      byId("nucleus-box").hidden = false;
      correct?.choose(nucleus ? [nucleus.cell_id] : [], nucleus ? [nucleus.place] : []);
    } catch (problem) {
      tell(problem, "no-nucleus");
    }
  };
  scan.viewer.addHandler("canvas-click", (/** @type {any} */ event) => {
    if (!scan.still(event.position) || pencil.active || event.preventDefaultAction) return;
    void choose(event.position);
  });
  byId("nucleus-close").addEventListener("click", () => {
    byId("nucleus-box").hidden = true;
    nuclei.chosen = [];
    scan.again();
  });
  const middle = async () => {
    const frame = scan.frame(false);
    if (frame) await choose({ x: frame.width / 2, y: frame.height / 2 });
  };
  const cancel = () => {
    pencil.clear();
    nuclei.chosen = [];
    byId("nucleus-box").hidden = true;
    correct?.choose([], []);
    correct?.parts.corrector.choose(null);
  };
  const keys = [...keysOf({ scan, layers, drawing, pencil, cancel, otherLanguage }),
    ...correctingKeys(correct, () => openTab("correct"), middle)];
  listen(keys);
  buttons({ scan, layers, drawing, keys });
  links(scan, show, announce);
  notes(scan, result, announce);
  try {
    await nuclei.begin();
    back = () => {
      scan.viewer.world.resetItems(); // tiles that failed meanwhile are asked for again
      scan.again();
    };
    layers.numbers = nuclei.numbers();
    seen.look(layers);
    layers.draw(byId("layers"));
    if (correct?.parts.edits.restore()) {
      openTab("correct");
      announce(say("correct.restored"));
    }
  } catch (problem) {
    tell(problem, "no-nuclei");
  }
  // For the page's own tests: what is where, and what was drawn.
  Object.assign(window, { pathologyDesk: { scan, layers, ground, nuclei, drawing, correct, open } });
  document.body.dataset.ready = "true";
}

/** @param {{scan: Scan, layers: Layers, drawing: Drawing, pencil: Pencil, cancel: () => void, otherLanguage: () => void}} parts */
function keysOf({ scan, layers, drawing, pencil, cancel, otherLanguage }) {
  /** @type {import("./keys.js").Key[]} */
  const keys = [
    { keys: ["1"], say: "key.5x", act: () => scan.magnify(5) },
    { keys: ["2"], say: "key.10x", act: () => scan.magnify(10) },
    { keys: ["3"], say: "key.20x", act: () => scan.magnify(20) },
    { keys: ["4"], say: "key.40x", act: () => scan.magnify(40) },
    { keys: ["+", "="], say: "key.in", act: () => scan.zoom(1.5) },
    { keys: ["-"], say: "key.out", act: () => scan.zoom(1 / 1.5) },
    { keys: ["0"], say: "key.whole", act: () => scan.whole() },
    { keys: ["ArrowLeft"], say: "key.left", act: () => scan.pan(-PAN, 0) },
    { keys: ["ArrowRight"], say: "key.right", act: () => scan.pan(PAN, 0) },
    { keys: ["ArrowUp"], say: "key.up", act: () => scan.pan(0, -PAN) },
    { keys: ["ArrowDown"], say: "key.down", act: () => scan.pan(0, PAN) },
    { keys: ["r"], say: "key.turn", act: () => scan.turn(90) },
    { keys: ["R"], say: "key.turn-little", act: () => scan.turn(5) },
    { keys: ["u"], say: "key.upright", act: () => scan.upright() },
    { keys: ["n"], say: "key.nuclei", act: () => layers.toggle("nuclei") },
    { keys: ["t"], say: "key.tissue", act: () => layers.toggle("tissue_class") },
    { keys: ["h"], say: "key.density", act: () => layers.toggle(layers.states.has("ki67_density") ? "ki67_density" : "nucleus_density") },
    { keys: ["x"], say: "key.excluded", act: () => layers.toggle("excluded") },
    { keys: ["f"], say: "key.fields", act: () => { layers.toggle("field"); layers.toggle("hotspot"); } },
    { keys: ["o"], say: "key.all", act: () => layers.hideAll() },
    { keys: ["["], say: "key.fainter", act: () => layers.fade(-0.1) },
    { keys: ["]"], say: "key.stronger", act: () => layers.fade(0.1) },
    { keys: ["d"], say: "key.draw", act: () => { openTab("assist"); drawing.active ? drawing.clear() : drawing.begin(); } },
    { keys: ["v"], say: "key.view", act: () => { openTab("assist"); drawing.countView(); } },
    { keys: ["Enter"], say: "key.finish", act: () => pencil.finish() },
    { keys: ["Backspace"], say: "key.undo", act: () => pencil.back() },
    { keys: ["Escape"], say: "key.cancel", act: cancel },
    { keys: ["l"], say: "key.language", act: otherLanguage },
    { keys: ["k"], say: "key.looks", act: otherLooks },
    { keys: ["?"], say: "key.help", act: () => help(keys) },
  ];
  return keys;
}

/** @param {{scan: Scan, layers: Layers, drawing: Drawing, keys: import("./keys.js").Key[]}} parts */
function buttons({ scan, layers, drawing, keys }) {
  for (const button of document.querySelectorAll("[data-power]")) {
    const power = Number(/** @type {HTMLElement} */ (button).dataset.power);
    button.addEventListener("click", () => scan.magnify(power));
  }
  /** @type {Record<string, () => void>} */
  const acts = {
    whole: () => scan.whole(), turn: () => scan.turn(90), upright: () => scan.upright(),
    overlays: () => layers.hideAll(), help: () => help(keys),
    draw: () => { openTab("assist"); drawing.begin(); },
  };
  for (const [id, act] of Object.entries(acts)) byId(id).addEventListener("click", act);
}

void begin();
