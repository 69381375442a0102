// Forms with files: drop them in, see how far the upload is. Without this script the forms work as plain forms.

const amount = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

function sizeText(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let index = 0;
  while (bytes >= 1000 && index < units.length - 1) { bytes /= 1000; index += 1; }
  return `${amount.format(bytes)} ${units[index]}`;
}

for (const form of document.querySelectorAll("form[data-upload-form]")) prepare(form);

function prepare(form) {
  const input = form.querySelector("input[type=file]");
  const drop = form.querySelector("[data-drop]");
  const list = form.querySelector("[data-drop-list]");
  const atOnce = "uploadAtOnce" in form.dataset;

  const chosen = () => {
    const files = [...input.files];
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const names = files.slice(0, 5).map((file) => file.name).join(", ");
    const more = files.length > 5 ? ` and ${files.length - 5} more` : "";
    list.textContent = files.length ? `${names}${more} (${sizeText(total)})` : "";
    if (atOnce && files.length) form.requestSubmit();
  };
  input.addEventListener("change", chosen);

  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const kind of ["dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  }
  drop.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    chosen();
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!form.dataset.sending) send(form);
  });
}

function send(form) {
  const progress = form.querySelector("[data-progress]");
  const bar = progress.querySelector("progress");
  const text = progress.querySelector("[data-progress-text]");
  const problem = form.querySelector("[data-upload-problem]");
  const request = new XMLHttpRequest();
  const done = (message) => {
    delete form.dataset.sending;
    progress.hidden = true;
    problem.hidden = !message;
    problem.textContent = message || "";
  };

  form.dataset.sending = "yes";
  problem.hidden = true;
  text.textContent = "Sending …";
  bar.removeAttribute("value");
  progress.hidden = false;
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable || event.total < 50000) return;
    bar.value = (100 * event.loaded) / event.total;
    text.textContent = event.loaded < event.total
      ? `${sizeText(event.loaded)} of ${sizeText(event.total)} sent`
      : "Everything is sent. The server is writing the files into the workspace …";
  });
  request.addEventListener("load", () => {
    const type = request.getResponseHeader("Content-Type") || "";
    if (type.startsWith("application/json")) {
      const answer = JSON.parse(request.responseText);
      if (answer.location) location.assign(answer.location);
      else done(answer.message || `The server refused it (${request.status}).`);
    } else {
      done("");
      showAnswer(form, request.responseText);
    }
  });
  request.addEventListener("error", () => done("The connection to the server was lost, and nothing was changed. Try again."));
  request.open("POST", form.action || location.href);
  request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
  request.send(new FormData(form));
}

// A refused form comes back as a page: show its content, with the files that were chosen still chosen.
function showAnswer(form, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const input = form.querySelector("input[type=file]");
  const freshForm = fresh.querySelector("form[data-upload-form]");
  const main = document.getElementById("main");
  const list = form.querySelector("[data-drop-list]").textContent;
  main.replaceChildren(...fresh.getElementById("main").childNodes);
  if (freshForm) {
    freshForm.querySelector("input[type=file]").replaceWith(input);
    freshForm.querySelector("[data-drop-list]").textContent = list;
    prepare(freshForm);
  }
  const mistake = main.querySelector("[aria-invalid=true]") || main;
  mistake.focus();
}
