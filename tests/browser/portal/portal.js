// The calls of a data portal's pages, each exactly as such a portal sends it: most without the final slash, with a
// JSON content type also on GET, with the token in a header of its own; so the browser asks first, by a preflight.
// The page is given two globals: workspacesEndpoint (no slash at its end) and workspacesToken.
"use strict";

const DEFAULT_OPTIONS = { num_cpus: 1, memory_mb: 8192, time_limit_minutes: 180, gpu_enabled: false };
const DISPLAY = { running: "Active", pending: "Activating", stopping: "Inactive", complete: "Inactive", failed: "Inactive" };

const made = []; // {kind, method, path, status, redirected} of every call

async function send(kind, method, path, body, withHeaders = true) {
  const headers = { "Content-Type": "application/json", "UWS-Authorization": `Token ${window.workspacesToken}` };
  const response = await fetch(`${window.workspacesEndpoint}${path}`, {
    method,
    ...(withHeaders && { headers }),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  made.push({ kind, method, path, status: response.status, redirected: response.redirected });
  return response;
}

// A read counts only when it is exactly 200.
async function read(kind, path, withHeaders = true) {
  const response = await send(kind, "GET", path, undefined, withHeaders);
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  return (await response.json()).data;
}

// What is created or changed has a JSON answer, also when it is refused.
async function change(kind, method, path, body) {
  const answer = await (await send(kind, method, path, body)).json();
  if (!answer.success) throw new Error(`${path}: ${answer.message}`);
  return answer.data;
}

async function isDone(kind, method, path) {
  return (await send(kind, method, path)).ok;
}

const portal = {
  made,
  workspaces: async () => (await read("workspaces list", "/workspaces")).workspaces,
  workspace: async (id) => (await read("one workspace", `/workspaces/${id}`)).workspaces[0] ?? {},
  create: async (values) => (await change("create", "POST", "/workspaces/", values)).workspace,
  update: async (id, values) => change("update", "PUT", `/workspaces/${id}`, values),
  start: async (id, jobType, options) => {
    const body = { job_type: jobType, job_details: {}, resource_options: options };
    await send("start", "PUT", `/workspaces/${id}/start`, body); // nothing of the answer is read
  },
  remove: async (id) => isDone("delete", "DELETE", `/workspaces/${id}`),
  jobs: async () => (await read("jobs", "/jobs")).jobs,
  stop: async (id) => isDone("stop", "PUT", `/jobs/${id}/stop`),
  jobTypes: async () => Object.values((await read("job types", "/job_types", false)).job_types),
  users: async (text) => (await read("users", `/users?search=${text}`)).users,
  invitations: async () => {
    const data = await read("invitations", "/shared_workspaces");
    return { sent: data.original_workspaces, received: data.shared_workspaces };
  },
  invitation: async (id) => {
    const data = await read("one invitation", `/shared_workspaces/${id}/`);
    return data.shared_workspaces[0] ?? data.original_workspaces[0];
  },
  share: async (id, people) => {
    const body = { original_workspace_id: String(id), shared_user_ids: people };
    return change("share", "POST", "/shared_workspaces/", body);
  },
  accept: async (id) => isDone("accept", "PUT", `/shared_workspaces/${id}/accept/`),
  decline: async (id) => isDone("decline or cancel", "DELETE", `/shared_workspaces/${id}/`),

  // Renewing: every running job is stopped, and at once another one started with the options of the old one.
  renew: async (id) => {
    const workspace = await portal.workspace(id);
    const running = (await portal.jobs()).filter(
      (job) => job.workspace_id === id && DISPLAY[job.status] !== "Inactive",
    );
    const options = running[0]?.job_details.request_job_details.resource_options ?? DEFAULT_OPTIONS;
    const stopped = await Promise.all(running.map((job) => portal.stop(job.id)));
    await portal.start(id, workspace.default_job_type, options);
    return stopped;
  },

  // The notebook to open: the first one that is there, else the first one that was asked for.
  notebookOf: (workspace) => {
    const { current_workspace_details: current, request_workspace_details: asked } = workspace.workspace_details;
    const names = [...current.files, ...asked.files].map((file) => file.name);
    return names.find((name) => name.endsWith(".ipynb")) ?? null;
  },
};

window.portal = portal;
