/**
 * Signs in with the token of an address such as `/#token=…`, which `manyhands dashboard` prints. A browser sends the part
 * behind the # to no server, so no log has it; and it is taken out of the address bar and the history here. An address
 * that is opened in the tab of this page differs behind the # only: the browser loads nothing and reports a new hash.
 */
export const signInScript: string = /* javascript */ `"use strict";
function signIn() {
  const offered = /^#token=(.+)$/.exec(location.hash);
  if (!offered) return;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("token").value = decoded(offered[1]);
  document.getElementById("sign-in").submit();
}

/** What is no valid encoding is a wrong token, which the server then says. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

addEventListener("hashchange", signIn);
try {
  // As the pages behind this one keep it.
  const { theme } = JSON.parse(localStorage.getItem("manyhands-settings") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage, or with other text in it, the system decides.
}
signIn();
`;
