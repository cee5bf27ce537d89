/**
 * Signs in with the token of an address such as `/#token=…`, which `manyhands dashboard` prints. A browser sends the part
 * behind the # to no server, so no log has it; and it is taken out of the address bar and the history here.
 */
export const signInScript: string = /* javascript */ `"use strict";
const offered = /^#token=(.+)$/.exec(location.hash);
if (offered) {
  history.replaceState(null, "", "/");
  document.getElementById("token").value = decodeURIComponent(offered[1]);
  document.getElementById("sign-in").submit();
}
`;
