// The please-wait page: asks for all jobs each second, and goes to the application as soon as it can be reached.
"use strict";

const POLL_MILLISECONDS = 1000;
const GIVE_UP_MILLISECONDS = 5 * 60 * 1000;
const RANK = ["Active", "Activating", "Inactive"];

const query = new URLSearchParams(window.location.search);
const workspaceId = Number(query.get("id"));
const notebookPath = query.get("notebook_path");
const began = Date.now();

function say(text) {
  document.getElementById("state").textContent = text;
}

function best(jobs) {
  const mine = jobs.filter((job) => job.workspace_id === workspaceId);
  const ranks = RANK.map((display) => mine.find((job) => DISPLAY[job.status] === display));
  return ranks.find((job) => job !== undefined);
}

function addressOf({ url_domain: domain, url_path: path }) {
  const whole = domain + path;
  if (query.get("direct")) return whole;
  const [base, parameters] = whole.split("?");
  return `${base}/tree/${notebookPath}?${parameters}`;
}

async function poll() {
  let jobs;
  try {
    jobs = await portal.jobs();
  } catch (error) {
    window.clearInterval(timer);
    say(`API Error; Are you logged in? ${error.message}`);
    return;
  }
  const job = best(jobs);
  const display = job === undefined ? "Inactive" : DISPLAY[job.status];
  if (display === "Activating") {
    say(display);
    if (Date.now() - began > GIVE_UP_MILLISECONDS) await portal.stop(job.id);
  } else if (display === "Active") {
    const details = job.job_details.current_job_details;
    say(details.message ?? "");
    if (details.connection_details) {
      window.clearInterval(timer);
      window.location.assign(addressOf(details.connection_details));
    }
  }
}

const timer = window.setInterval(poll, POLL_MILLISECONDS);
