// What a tenant's adapters know, drawn from the same routes that every other client has. Nothing is kept but the key, in this tab's session storage.
const keyName = "continual-service-key";
const busyMilliseconds = 2000;
const idleMilliseconds = 15000;
const at = id => document.getElementById(id);
const pictures = new Map(); // by element's id: the object URL that it shows
let chosen = null; // an adapter's name
let drawn = ""; // what the chosen adapter was when its parts were last drawn
let timer = 0;
let turn = 0; // of the refresh that was begun last: an older one, which may still wait for its answers, draws nothing more

class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function ask(path, init = {}) {
  let response;
  try {
    response = await fetch(path, { ...init, headers: { Authorization: `Bearer ${sessionStorage.getItem(keyName)}`, ...init.headers } });
  } catch {
    throw new Refusal(0, "The service does not answer. This page tries again by itself; is the service running?");
  }

  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refusal(response.status, problem.detail ?? problem.error?.message ?? `The service answered ${response.status}.`);
}

const read = async path => (await ask(path)).json();

async function readAll(path) {
  const rows = [];
  let cursor = "";
  do {
    const link = `${path}${path.includes("?") ? "&" : "?"}limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = await read(link);
    rows.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor);
  return rows;
}

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter(child => child !== null));
  return made;
}

const score = value => value === null || value === undefined ? "–" : value.toFixed(3).replace("0.", ".");
const bytes = value => value < 1e6 ? `${(value / 1e3).toFixed(0)} kB` : value < 1e9 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e9).toFixed(2)} GB`;
const time = text => text === null ? "–" : new Date(text).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });

function table(target, heads, rows) {
  const cell = (tag, content, head) => element(tag, { className: head.startsWith("#") ? "number" : "" }, content ?? "–");
  target.replaceChildren(
    element("thead", {}, element("tr", {}, ...heads.map(head => cell("th", head.replace("#", ""), head)))),
    element("tbody", {}, ...rows.map(row => element("tr", {}, ...row.map((content, column) => cell("td", content, heads[column]))))));
}

const picture = async path => (await ask(path)).blob();

function drawPicture(id, blob, alternative) {
  const url = URL.createObjectURL(blob);
  at(id).replaceChildren(element("img", { src: url, alt: alternative }));
  if (pictures.has(id)) URL.revokeObjectURL(pictures.get(id));
  pictures.set(id, url);
}

function drawAdapters(adapters) {
  at("adapters").replaceChildren(...adapters.map(adapter => {
    const link = element("a", { href: `#${encodeURIComponent(adapter.name)}` }, adapter.name, element("small", {}, `${adapter.method}, ${adapter.taskCount} ${adapter.taskCount === 1 ? "task" : "tasks"}`));
    if (adapter.name === chosen) link.setAttribute("aria-current", "true");
    return element("li", {}, link);
  }));
}

function drawQueue(tasks, adapters) {
  const names = new Map(adapters.map(adapter => [adapter.id, adapter.name]));
  at("queue").replaceChildren(...(tasks.length === 0 ? [element("li", { className: "quiet" }, "nothing")] : tasks.map(task => {
    const progress = task.status === "running" && task.progress?.percent !== null ? element("progress", { max: 100, value: task.progress.percent, ariaLabel: `${task.name}: share done` }) : null;
    return element("li", {}, `${task.name} `, element("small", {}, `${names.get(task.adapter) ?? task.adapter}: ${task.phase ?? task.status}`), progress);
  })));
}

function drawFigures(adapter, live, storage) {
  at("name").textContent = adapter.name;
  at("about").textContent = `${adapter.method} over ${adapter.model}, rank ${adapter.rank}, ${[adapter.targetModules].flat().join(", ")}${adapter.gate ? "; a forgetting gate decides what goes live" : ""}`;
  const figure = (label, value) => element("div", {}, element("dt", {}, label), element("dd", {}, value));
  const metrics = live?.metrics;
  at("figures").replaceChildren(
    figure("tasks learned", `${adapter.taskCount}`), figure("live version", adapter.aliases.live === undefined ? "–" : `v${adapter.aliases.live}`),
    figure("average accuracy", score(metrics?.averageAccuracy)), figure("backward transfer", score(metrics?.backwardTransfer)), figure("forgetting", score(metrics?.forgetting)),
    figure("bytes a task", storage.constantPerTask ? "constant" : storage.versions.length > 1 ? "grow" : "–"));
}

function verdictOf(version) {
  const words = [];
  if (version.status !== "published") words.push(element("span", { className: "bad" }, version.status));
  if (version.gate) words.push(element("span", { className: version.gate.verdict === "pass" ? "good" : "bad" }, `gate: ${version.gate.verdict}`));
  if (version.override) words.push(`let through: ${version.override.reason}`);
  for (const alarm of version.drift?.alarms ?? []) words.push(element("span", { className: "bad" }, alarm.alarm.replaceAll("_", " ")));
  return words.length === 0 ? "–" : element("span", {}, ...words.flatMap((word, index) => index === 0 ? [word] : ["; ", word]));
}

function drawVersions(adapter, versions, names) {
  table(at("versions"), ["version", "task", "#average accuracy", "#backward transfer", "#forgetting", "#weight in the merge", "to look at", "made"], versions.map(version => [
    `v${version.number}${Object.entries(adapter.aliases).filter(([, number]) => number === version.number).map(([alias]) => ` ${alias}`).join("")}`,
    names.get(version.taskId) ?? version.unlearned ?? "imported", score(version.metrics?.averageAccuracy), score(version.metrics?.backwardTransfer), score(version.metrics?.forgetting),
    score(version.lambda), verdictOf(version), time(version.createdAt)]));
}

function drawStorage(storage) {
  at("verdict").textContent = `${storage.verdict} Dark: weights that are served; light: the state that the next task starts from.`;
  const most = Math.max(...storage.versions.map(version => version.bytes), 1);
  at("storage").replaceChildren(...storage.versions.flatMap(version => [
    `v${version.number}`,
    element("span", { className: "bar" }, ...version.parts.map(part => {
      const bar = element("span", { className: part.kind, title: `${part.kind}: ${part.bytes} bytes` });
      bar.style.width = `${100 * part.bytes / most}%`;
      return bar;
    })),
    bytes(version.bytes)].map(content => typeof content === "string" ? element("span", {}, content) : content)));
}

function drawTasks(tasks) {
  table(at("tasks"), ["task", "status", "#version", "metric", "#seconds", "sent"], tasks.map(task => [
    task.name, task.failure ? element("span", { className: "bad" }, `${task.status}: ${task.failure.message}`) : task.status, task.version === null ? "–" : `v${task.version}`, task.metric,
    task.startedAt && task.finishedAt ? ((new Date(task.finishedAt) - new Date(task.startedAt)) / 1000).toFixed(0) : "–", time(task.createdAt)]));
}

// The parts are asked for again only when a task of the adapter came or went, or the adapter itself changed: storage is measured in the store.
async function drawAdapter(adapter, unfinished, mine) {
  const now = JSON.stringify([adapter, unfinished.filter(task => task.adapter === adapter.id).map(task => [task.id, task.status])]);
  if (now === drawn) return;
  const own = encodeURIComponent(adapter.name);
  const [versions, storage, tasks, matrix, lineage] = await Promise.all([
    readAll(`adapters/${own}/versions`), read(`adapters/${own}/storage`), readAll(`tasks?adapter=${own}`), picture(`adapters/${own}/matrix?format=svg`), picture(`adapters/${own}/lineage?format=svg`)]);
  if (mine !== turn) return;
  drawFigures(adapter, versions.find(version => version.number === adapter.aliases.live), storage);
  drawVersions(adapter, versions, new Map(tasks.map(task => [task.id, task.name])));
  drawStorage(storage);
  drawTasks(tasks);
  drawPicture("matrix", matrix, "Score of each task after each version");
  drawPicture("lineage", lineage, "Where each version comes from");
  at("ask").parentElement.hidden = adapter.aliases.live === undefined;
  at("adapter").hidden = false;
  drawn = now;
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  let wait = idleMilliseconds;
  try {
    const [adapters, running, queued] = await Promise.all([readAll("adapters"), readAll("tasks?status=running"), readAll("tasks?status=queued")]);
    if (mine !== turn) return;
    at("sign-in").hidden = true;
    at("board").hidden = at("forget").hidden = false;
    const adapter = adapters.find(one => one.name === chosen) ?? adapters[0];
    at("none").hidden = adapter !== undefined;
    at("adapter").hidden = adapter === undefined || at("adapter").hidden;
    chosen = adapter?.name ?? null;
    drawAdapters(adapters);
    const unfinished = [...running, ...queued];
    drawQueue(unfinished, adapters);
    if (adapter !== undefined) await drawAdapter(adapter, unfinished, mine);
    at("notice").hidden = true;
    if (unfinished.length > 0) wait = busyMilliseconds;
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (mine !== turn) return;
    say(refusal.message);
    if (refusal.status === 401) return signOut();
  }

  if (mine === turn) timer = setTimeout(refresh, wait);
}

function say(text) {
  at("notice").textContent = text;
  at("notice").hidden = false;
}

function signOut() {
  clearTimeout(timer);
  turn++;
  sessionStorage.removeItem(keyName);
  drawn = "";
  at("board").hidden = at("forget").hidden = at("adapter").hidden = true;
  at("sign-in").hidden = false;
  at("key").focus();
}

at("sign-in").addEventListener("submit", event => {
  event.preventDefault();
  sessionStorage.setItem(keyName, at("key").value.trim());
  at("key").value = "";
  at("notice").hidden = true;
  refresh();
});

at("forget").addEventListener("click", () => {
  at("notice").hidden = true;
  signOut();
});

at("ask").addEventListener("submit", async event => {
  event.preventDefault();
  const answer = at("answer");
  answer.hidden = false;
  answer.textContent = "…";
  try {
    const body = JSON.stringify({ model: chosen, messages: [{ role: "user", content: at("question").value }] });
    const reply = await (await ask("v1/chat/completions", { method: "POST", body, headers: { "Content-Type": "application/json" } })).json();
    answer.textContent = reply.choices[0].message.content || "(an empty answer)";
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    answer.textContent = refusal.message;
  }
});

function choose() {
  chosen = decodeURIComponent(location.hash.slice(1)) || null;
  drawn = "";
  at("answer").hidden = true;
  if (sessionStorage.getItem(keyName)) refresh();
}

addEventListener("hashchange", choose);
if (!sessionStorage.getItem(keyName)) signOut();
choose();
