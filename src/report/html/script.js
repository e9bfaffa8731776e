"use strict";
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  document.getElementById("theme").addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  var table = document.getElementById("pattern-table");
  if (!table) return;
  var STEP = 200;
  var body = table.tBodies[0];
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  var rows = Array.prototype.slice.call(body.rows);
  var texts = new Map(rows.map(function (row) { return [row, row.textContent.toLowerCase()]; }));
  var search = document.getElementById("search");
  var form = document.getElementById("form");
  var issuer = document.getElementById("issuer");
  var more = document.getElementById("more");
  var count = document.getElementById("count");
  var limit = STEP;
  function show() {
    var wanted = search.value.trim().toLowerCase();
    var by = issuer.value.toLowerCase();
    var fits = 0;
    rows.forEach(function (row) {
      var ok = (!wanted || texts.get(row).indexOf(wanted) >= 0) &&
        (!form.value || row.dataset.form.split(" ").indexOf(form.value) >= 0) &&
        (!by || texts.get(row).indexOf(by) >= 0);
      if (ok) fits += 1;
      row.hidden = !ok || fits > limit;
    });
    count.textContent = Math.min(fits, limit) + " of " + fits + " shown, " + rows.length + " in all";
    more.hidden = fits <= limit;
  }
  var timer = 0;
  [search, form, issuer].forEach(function (input) {
    input.addEventListener("input", function () {
      limit = STEP;
      clearTimeout(timer);
      timer = setTimeout(show, 60);
    });
  });
  more.addEventListener("click", function () { limit += 5 * STEP; show(); });
  heads.forEach(function (cell, at) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    cell.textContent = "";
    cell.appendChild(button);
    button.addEventListener("click", function () {
      var numeric = cell.classList.contains("num");
      var before = cell.getAttribute("aria-sort");
      var descending = before ? before === "ascending" : numeric;
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      var keys = new Map(rows.map(function (row) {
        var text = row.cells[at].dataset.key || row.cells[at].textContent;
        return [row, numeric ? Number(text) : text];
      }));
      rows.sort(function (a, b) {
        var x = keys.get(a), y = keys.get(b);
        return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1);
      });
      var all = document.createDocumentFragment();
      rows.forEach(function (row) { all.appendChild(row); });
      body.appendChild(all);
      show();
    });
  });
  show();
})();
