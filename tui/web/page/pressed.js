// Waits while something is being pressed: were it drawn anew between press and release, the click would be lost.

const PRESSABLE = "a, button, summary, .opens";
let rest = Promise.resolve(), free = () => {};

addEventListener("pointerdown", (event) => {
  free();
  if (event.target.closest?.(PRESSABLE)) rest = new Promise((done) => { free = done; });
}, true);
// The click comes right after the release, and before the timer.
for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => setTimeout(free, 0), true);

export function released() {
  return rest;
}
