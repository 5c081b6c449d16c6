// What every page has: who signs, and what the last edit came to.
import { later, post, say, sign, signer } from "./api.js";

const name = document.getElementById("who-name");
const dialog = document.getElementById("who-dialog");
const input = document.getElementById("who-input");
name.textContent = signer() || "nobody";

document.getElementById("who").addEventListener("click", () => {
  input.value = signer();
  dialog.returnValue = "cancel";
  dialog.showModal();
  input.select();
});
dialog.addEventListener("close", () => {
  if (dialog.returnValue !== "ok" || !input.value.trim()) return;
  sign(input.value);
  name.textContent = signer();
});

const said = sessionStorage.getItem("reid-said");
if (said) {
  sessionStorage.removeItem("reid-said");
  const { words, event } = JSON.parse(said);
  const undo = async () => {
    try {
      const answer = await post("/api/edit", { action: "undo", numbers: [event] });
      later(answer.words);
      location.reload();
    } catch (error) {
      say(error.message, true);
    }
  };
  say(words, false, event ? ["Undo", undo] : null);
}
