// Talking to the server, and saying what came of it.

const own = { by: localStorage.getItem("reid-by") || document.body.dataset.by || "" };

export const signer = () => own.by;

export function sign(name) {
  own.by = name.trim();
  localStorage.setItem("reid-by", own.by);
}

async function read(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
    body = { error: answer.status === 403 ? "This page is of an earlier start. Open the address that the terminal shows." : "The server gave no answer that can be read." };
  }
  if (!answer.ok) {
    const error = new Error(body.error || `The server refused (${answer.status}).`);
    error.status = answer.status;
    throw error;
  }
  return body;
}

async function reach(request) {
  try {
    return await request();
  } catch (error) {
    if (error instanceof TypeError) throw new Error("The server does not answer. Is `reid review` still running?");
    throw error;
  }
}

export const get = (path, query = {}) =>
  reach(async () => read(await fetch(`${path}?${new URLSearchParams(query)}`)));

export const post = (path, body) =>
  reach(async () =>
    read(
      await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ by: own.by, ...body }),
      }),
    ),
  );

export const picture = (sighting, size) => `/picture?${new URLSearchParams({ sighting, size })}`;
export const photo = (sighting, size) => `/photo?${new URLSearchParams({ sighting, size })}`;

let timer = 0;

// `action` is [words, function]: a button in the message.
export function say(words, bad = false, action = null) {
  const toast = document.getElementById("toast");
  toast.replaceChildren(Object.assign(document.createElement("bdi"), { textContent: words }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: action[0] });
    button.addEventListener("click", action[1]);
    toast.append(button);
  }
  toast.classList.toggle("bad", bad);
  toast.classList.add("on");
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove("on"), bad ? 9000 : action ? 7000 : 3200);
}

// Said on the next page.
export function later(words, event = null) {
  sessionStorage.setItem("reid-said", JSON.stringify({ words, event }));
}

export function element(tag, values = {}, ...children) {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
}
