// Keeps a page up to date: one WebSocket a tab says what changed, and the parts that show it are fetched again.
//
// A part is an element with `data-fragment-url` and `data-subject` (one or more subjects, or the first word of some).
// Without the socket every part is fetched each five seconds, and the page says so.

const POLL_MILLISECONDS = 5000;
const LONGEST_WAIT_MILLISECONDS = 30000;

const status = document.getElementById("live-status");
const announcer = document.getElementById("announcer");
const parts = [...document.querySelectorAll("[data-fragment-url]")];
const fetching = new Map();

// --- swapping -------------------------------------------------------------------------------------

const KEPT_ATTRIBUTES = new Set(["open"]);

function same(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");
}

// Changes `old` into `fresh` node by node, so that the focus, a selection and a running animation stay.
function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT_ATTRIBUTES.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  let current = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const match = findMatch(current, child);
    if (match) {
      while (current !== match) current = removeAndStep(current);
      morph(match, child);
      current = match.nextSibling;
    } else {
      old.insertBefore(child, current);
    }
  }
  while (current) current = removeAndStep(current);
}

function findMatch(from, wanted) {
  if (!from) return null;
  if (!wanted.id) return same(from, wanted) ? from : null;
  for (let node = from; node; node = node.nextSibling) if (same(node, wanted)) return node;
  return null;
}

function removeAndStep(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// --- fetching -------------------------------------------------------------------------------------

function announcements(part) {
  return new Map([...part.querySelectorAll("[data-announce]")].map((element, index) => [
    element.id || index, element.dataset.announce,
  ]));
}

function swap(part, html) {
  const before = announcements(part);
  const template = document.createElement("template");
  template.innerHTML = html;
  morphChildren(part, template.content);
  part.dispatchEvent(new CustomEvent("console:swapped", { bubbles: true }));
  for (const [key, text] of announcements(part)) {
    if (text && before.get(key) !== text) announcer.textContent = text;
  }
  const titled = part.querySelector("[data-title]");
  if (titled) document.title = titled.dataset.title + document.title.slice(document.title.lastIndexOf(" · "));
}

async function refresh(part) {
  if (fetching.has(part)) {
    fetching.set(part, true);
    return;
  }
  fetching.set(part, false);
  try {
    const response = await fetch(part.dataset.fragmentUrl, { credentials: "same-origin", redirect: "manual" });
    if (response.status === 401) location.reload();
    else if (response.status === 404) gone(part);
    else if (response.ok && response.headers.get("X-Console-Fragment")) swap(part, await response.text());
  } catch {
    // The server is away: the socket notices as well, and says so on the page.
  }
  const again = fetching.get(part);
  fetching.delete(part);
  if (again) refresh(part);
}

function gone(part) {
  if (part.dataset.goneUrl) location.assign(part.dataset.goneUrl);
  else location.reload();
}

function concerns(part, subjects) {
  return subjects.includes("*") || part.dataset.subject.split(" ").some((wanted) =>
    subjects.some((subject) => subject === wanted || subject.startsWith(`${wanted}/`)));
}

function refreshAll() {
  for (const part of parts) refresh(part);
}

// --- the socket -----------------------------------------------------------------------------------
// Each message is {"subjects": ["jobs/12", …], "kinds": […]}. The first has the subject `*`: something may have
// changed between the page's reading and the socket's opening.

const SIGNED_OUT = 4401;

let attempts = 0;
let poll = 0;
let isStale = false;
let socket = null;

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/console/live/`);
  socket.addEventListener("open", () => {
    attempts = 0;
    clearInterval(poll);
    poll = 0;
    status.hidden = true;
  });
  socket.addEventListener("message", (event) => {
    const hint = JSON.parse(event.data);
    const concerned = parts.filter((part) => concerns(part, hint.subjects));
    if (document.hidden) isStale = isStale || concerned.length > 0;
    else concerned.forEach(refresh);
  });
  socket.addEventListener("close", lost);
}

function lost(event) {
  socket = null;
  if (event.code === SIGNED_OUT) {
    location.reload();
    return;
  }
  attempts += 1;
  if (attempts > 1) {
    status.textContent = "Live updates paused";
    status.hidden = false;
  }
  if (!poll) poll = setInterval(() => { if (!document.hidden) refreshAll(); }, POLL_MILLISECONDS);
  const wait = Math.min(LONGEST_WAIT_MILLISECONDS, 500 * 2 ** Math.min(attempts, 6));
  setTimeout(connect, wait * (0.5 + Math.random() / 2));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden || (!isStale && socket)) return;
  isStale = false;
  refreshAll();
});

if (parts.length) connect();
