// Gives the keyboard to the terminal once it is there: nobody should have to click first.
const observer = new MutationObserver(() => {
  const keys = document.querySelector(".xterm-helper-textarea");
  if (!keys || !document.body.classList.contains("-first-byte")) return;
  observer.disconnect();
  keys.focus();
});
observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
