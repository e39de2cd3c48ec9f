// The API is two folders above this file, wherever a proxy put it.
const api = new URL("../../", import.meta.url);

const main = document.getElementById("app");
const answer = await fetch(new URL("healthz", api));
const { status } = await answer.json();
main.textContent = `Hookline at ${api.host}: ${status}`;
