// A frame that scrolls can be reached with the keyboard, too.
document.addEventListener("DOMContentLoaded", () => {
  for (const frame of document.querySelectorAll(".table-wrapper, .highlight pre")) {
    if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
  }
});
