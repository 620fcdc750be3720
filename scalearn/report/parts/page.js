"use strict";
(function () {
  const specifications = JSON.parse(document.getElementById("specifications").textContent);
  const chooser = document.getElementById("method");
  const views = [];

  // Highlights a row everywhere: in the tables, in the list of runs and in all figures. "" highlights none.
  function highlight(title) {
    chooser.value = title;
    for (const element of document.querySelectorAll("[data-row]")) {
      const other = title !== "" && element.dataset.row !== title;
      element.classList.toggle("faint", other);
      element.classList.toggle("on", title !== "" && !other);
    }
    for (const view of views) view.signal("method", title === "" ? null : title).runAsync();
  }

  // Opens the runs of the cell whose link was followed.
  function open() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.closest("details");
    if (details) details.open = true;
  }

  // A figure stays a static drawing until it comes near the screen: drawing all of them at once takes seconds.
  async function draw(place) {
    const result = await vegaEmbed(place, specifications[place.dataset.figure], { actions: false, renderer: "svg" });
    views.push(result.view);
    result.view.addEventListener("click", (event, item) => {
      if (item && item.datum && item.datum.row) highlight(item.datum.row === chooser.value ? "" : item.datum.row);
    });
    result.view.signal("method", chooser.value === "" ? null : chooser.value).runAsync();
    place.dataset.drawn = "yes";
  }

  document.querySelector(".chooser").hidden = false;
  chooser.addEventListener("change", () => highlight(chooser.value));
  document.addEventListener("click", (event) => {
    const head = event.target.closest("tbody th[scope=row]");
    const row = head && head.closest("tr[data-row]");
    if (row) highlight(row.dataset.row === chooser.value ? "" : row.dataset.row);
  });
  window.addEventListener("hashchange", open);
  open();
  if (typeof vegaEmbed === "function") {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        near.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "600px" });
    for (const place of document.querySelectorAll(".chart")) near.observe(place);
  }
})();
