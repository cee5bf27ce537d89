/**
 * The page's script. It follows the stream of events while the page is visible and changes only what differs, so that
 * the keyboard focus, the selection and the place of the reader stay where they are.
 */
export const script: string = /* javascript */ `"use strict";
/** The printed address was opened by a visitor who was signed in already, in a new tab or in this one. */
function hideToken() {
  if (location.hash.startsWith("#token=")) history.replaceState(null, "", "/");
}
addEventListener("hashchange", hideToken);
hideToken();

const WORDS = { live: "live", stale: "Redis does not answer", lost: "connection lost, trying again" };
const overview = document.getElementById("overview");
const connection = document.getElementById("connection");
let stream = null;

function follow() {
  if (stream || document.hidden) return;
  stream = new EventSource("/events");
  stream.addEventListener("overview", (event) => {
    const page = document.createElement("template");
    page.innerHTML = event.data;
    become(overview, page.content);
    say(overview.querySelector("[data-problem]") ? "stale" : "live");
  });
  stream.onerror = () => {
    say("lost");
    if (stream.readyState === EventSource.CLOSED) retryLater();
  };
}

function leave() {
  if (stream) stream.close();
  stream = null;
}

/** The stream ended for good: the server refuses it, for example because it was restarted with another token. */
function retryLater() {
  leave();
  setTimeout(async () => {
    const answer = await fetch("/", { method: "HEAD" }).catch(() => null);
    if (answer && answer.status === 401) location.reload();
    else follow();
  }, 3000);
}

function say(state) {
  connection.dataset.state = state;
  if (connection.textContent !== WORDS[state]) connection.textContent = WORDS[state];
}

/** Makes the children of one element like those of another, keeping every element that can stay. */
function become(current, wanted) {
  const kept = new Map();
  for (const child of current.childNodes) if (keyOf(child)) kept.set(keyOf(child), child);
  let place = current.firstChild;
  for (const next of [...wanted.childNodes]) {
    const key = keyOf(next);
    const same = key ? kept.get(key) : place && !keyOf(place) && place.nodeName === next.nodeName ? place : null;
    if (!same) {
      current.insertBefore(next, place);
      continue;
    }
    if (same === place) place = place.nextSibling;
    else current.insertBefore(same, place);
    renew(same, next);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

function renew(node, next) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.nodeValue !== next.nodeValue) node.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) if (!next.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of next.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  become(node, next);
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
follow();
`;
