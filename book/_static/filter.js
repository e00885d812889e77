// The filter of the errata and of the formula sheet. Without this script a page is the whole list.

document.addEventListener("DOMContentLoaded", () => {
  const filter = document.getElementById("list-filter");
  if (!filter) return;
  const { entries: which, noun } = filter.dataset;
  const entries = [...document.querySelectorAll(which)];

  const sections = [...new Set(entries.map((entry) => entry.closest("section")))];
  const texts = new Map(); // of those that were looked at: most readers search for nothing
  const lines = new Map(
    [...document.querySelectorAll(".page-toc a")].map((link) => [link.getAttribute("href"), link.closest("li")]),
  );

  /** Return what an entry says, with the Chinese terms of its topic and the titles of its sources. */
  function saidOf(entry) {
    const terms = entry.closest("section").querySelector(".topic-terms");
    const sources = [...entry.classList].filter((name) => name.startsWith("source-"));
    const titles = sources.map((name) => document.querySelector(`.tutorial.${name}`));
    return [entry, terms, ...titles].map((part) => part?.textContent ?? "").join(" ");
  }

  function says(entry, word) {
    if (!texts.has(entry)) texts.set(entry, saidOf(entry).toLowerCase());
    return texts.get(entry).includes(word);
  }

  function labelled(text, control) {
    const label = document.createElement("label");
    label.append(text, control);
    filter.append(label);
    return control;
  }

  function choice(text, names) {
    const select = document.createElement("select");
    select.name = text.toLowerCase();
    select.add(new Option("all", ""));
    for (const [value, name] of Object.entries(names)) select.add(new Option(name, value));
    return labelled(labels[text], select);
  }

  const search = document.createElement("input");
  search.type = "search";
  labelled("Search", search);
  const names = JSON.parse(filter.dataset.names);
  const labels = JSON.parse(filter.dataset.labels);
  const choices = Object.keys(names).map((text) => choice(text, names[text]));
  const result = document.createElement("output");
  filter.append(result);

  // What is chosen stands in the address, by the names of the controls.
  const controls = { search, ...Object.fromEntries(choices.map((one) => [one.name, one])) };

  function read() {
    const query = new URLSearchParams(location.search);
    for (const [name, control] of Object.entries(controls)) control.value = query.get(name) ?? "";
    for (const one of choices) if (one.selectedIndex < 0) one.value = "";
    apply();
  }

  function write(change) {
    const query = new URLSearchParams();
    for (const [name, { value }] of Object.entries(controls)) if (value) query.set(name, value);
    const text = query.size ? `?${query}` : location.pathname;
    // A step back for each choice, not for each letter.
    history[change.target === search ? "replaceState" : "pushState"](null, "", text + location.hash);
  }

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = choices.map((select) => select.value).filter(Boolean);
    let shown = 0;
    for (const entry of entries) {
      const fits =
        wanted.every((name) => entry.classList.contains(name)) &&
        words.every((word) => says(entry, word));
      entry.hidden = !fits;
      shown += fits;
    }
    for (const section of sections) hide(section);
    result.textContent = `${shown} of ${entries.length} ${noun}`;
  }

  // A section without a hit goes, and what is hidden has no line in the contents of the page.
  function hide(section) {
    section.hidden = !section.querySelector(`:is(${which}):not([hidden])`);
    for (const part of [section, ...section.querySelectorAll(which)]) {
      const line = lines.get(`#${part.id}`);
      if (line) line.hidden = part.hidden;
    }
  }

  // A link to an entry that the filter hides shows it.
  function reveal() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target || !target.closest("[hidden]")) return;
    for (const control of Object.values(controls)) control.value = "";
    apply();
    target.scrollIntoView();
  }

  filter.addEventListener("input", (change) => {
    apply();
    write(change);
  });
  window.addEventListener("hashchange", reveal);
  window.addEventListener("popstate", read);
  read();
  reveal();
});
