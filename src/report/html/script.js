"use strict";
(function () {
  const root = document.documentElement;
  root.classList.add("js");
  document.getElementById("theme").addEventListener("click", function () {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  if (navigator.clipboard) {
    document.querySelectorAll("pre.copy").forEach(function (block) {
      const text = block.textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain copied";
      button.textContent = "Copy";
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(text + "\n").then(
          function () { button.textContent = "Copied"; },
          function () { button.textContent = "Select and copy by hand"; });
      });
      block.appendChild(button);
    });
  }
  // Paper cannot be opened.
  let closed = [];
  addEventListener("beforeprint", function () {
    closed = Array.from(document.querySelectorAll("details:not([open])")).slice(0, 500);
    closed.forEach(function (part) { part.open = true; });
  });
  addEventListener("afterprint", function () {
    closed.forEach(function (part) { part.open = false; });
  });
  const table = document.getElementById("pattern-table");
  if (!table) return;
  const STEP = 200;
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const rows = Array.from(body.rows);
  const texts = new Map(rows.map(function (row) { return [row, row.textContent.toLowerCase()]; }));
  const search = document.getElementById("search");
  const form = document.getElementById("form");
  const issuer = document.getElementById("issuer");
  const more = document.getElementById("more");
  const count = document.getElementById("count");
  let limit = STEP;
  function show() {
    const wanted = search.value.trim().toLowerCase();
    const by = issuer.value.toLowerCase();
    let fits = 0;
    rows.forEach(function (row) {
      const ok = (!wanted || texts.get(row).includes(wanted)) &&
        (!form.value || row.dataset.form.split(" ").includes(form.value)) &&
        (!by || row.cells[7].textContent.toLowerCase().includes(by));
      if (ok) fits += 1;
      row.hidden = !ok || fits > limit;
    });
    const number = function (n) { return n.toLocaleString("en"); };
    count.textContent = number(Math.min(fits, limit)) + " of " + number(fits) + " shown, " + number(rows.length) + " in all";
    more.hidden = fits <= limit;
  }
  let timer = 0;
  [search, form, issuer].forEach(function (input) {
    input.addEventListener("input", function () {
      limit = STEP;
      clearTimeout(timer);
      timer = setTimeout(show, 60);
    });
  });
  search.form.addEventListener("submit", function (event) { event.preventDefault(); });
  more.addEventListener("click", function () { limit += 5 * STEP; show(); });
  heads.forEach(function (cell, at) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    cell.textContent = "";
    cell.appendChild(button);
    button.addEventListener("click", function () {
      const numeric = cell.classList.contains("num");
      const before = cell.getAttribute("aria-sort");
      const descending = before ? before === "ascending" : numeric && at > 0;
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const keys = new Map(rows.map(function (row) {
        const text = row.cells[at].dataset.key || row.cells[at].textContent;
        return [row, numeric ? Number(text) : text];
      }));
      rows.sort(function (a, b) {
        const x = keys.get(a), y = keys.get(b);
        return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1);
      });
      const all = document.createDocumentFragment();
      rows.forEach(function (row) { all.appendChild(row); });
      body.appendChild(all);
      show();
    });
  });
  show();
})();
