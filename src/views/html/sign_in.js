// Puts the secret of a sign-in link into the form. It stands after the #, which is sent to no
// server, and leaves the address and the history here. Nothing is sent before the button is pressed.
const take = () => {
  const secret = location.hash.slice(1);
  if (!secret.startsWith("dls_")) return;
  document.getElementById("token").value = secret;
  document.getElementById("link").hidden = false;
  history.replaceState(null, "", location.pathname + location.search);
};
addEventListener("hashchange", take);
take();
