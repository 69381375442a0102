// What every page has: local times, ticking clocks, the sign-in form that sends itself, copy buttons.

document.documentElement.classList.add("js");

// The server's clock is the one that counts: a browser's may be minutes off.
const skewSeconds = Number(document.documentElement.dataset.now || 0) - Date.now() / 1000;
const clockSkew = Math.abs(skewSeconds) > 5 ? skewSeconds : 0;

const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function durationText(seconds) {
  seconds = Math.max(0, seconds);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function showTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const instant = new Date(element.dateTime);
    if (Number.isNaN(instant.getTime())) continue;
    setText(element, localTime.format(instant));
    element.title = instant.toISOString();
  }
}

function tick() {
  const now = Date.now() / 1000 + clockSkew;
  for (const element of document.querySelectorAll("[data-clock-since]")) {
    setText(element, durationText(now - Number(element.dataset.clockSince)));
  }
}

showTimes();
tick();
setInterval(tick, 1000);
document.addEventListener("console:swapped", (event) => {
  showTimes(event.target);
  tick();
});

// A one-time link signs in by itself, but not in a page that was only loaded ahead and that nobody sees.
const automatic = document.querySelector("form[data-submit-when-seen]");
if (automatic) {
  const send = () => {
    if (document.prerendering || document.visibilityState !== "visible" || automatic.dataset.sent) return;
    automatic.dataset.sent = "yes";
    automatic.requestSubmit();
  };
  document.addEventListener("prerenderingchange", send);
  document.addEventListener("visibilitychange", send);
  send();
}

// One press, one job: a second click while the answer is under way does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  form.dataset.sending = "yes";
  setTimeout(() => delete form.dataset.sending, 5000);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sending]")) delete form.dataset.sending;
});

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(field.value);
    setText(button, "Copied");
  });
}

const firstMistake = document.querySelector("[aria-invalid=true]");
if (firstMistake) firstMistake.focus();
