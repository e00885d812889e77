// The filter of the errata. Without this script the page is the whole list.

document.addEventListener("DOMContentLoaded", () => {
  const filter = document.getElementById("errata-filter");
  const entries = [...document.querySelectorAll("div.erratum")];
  if (!filter || !entries.length) return;

  const sections = [...new Set(entries.map((entry) => entry.closest("section")))];
  const texts = new Map(entries.map((entry) => [entry, entry.textContent.toLowerCase()]));

  function labelled(text, control) {
    const label = document.createElement("label");
    label.append(text, control);
    filter.append(label);
    return control;
  }

  function choice(text, names) {
    const select = document.createElement("select");
    select.add(new Option("all", ""));
    for (const [value, name] of Object.entries(names)) select.add(new Option(name, value));
    return labelled(text, select);
  }

  const search = document.createElement("input");
  search.type = "search";
  labelled("Search", search);
  const names = JSON.parse(filter.dataset.names);
  const choices = Object.keys(names).map((text) => choice(text, names[text]));
  const result = document.createElement("output");
  filter.append(result);

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = choices.map((select) => select.value).filter(Boolean);
    let shown = 0;
    for (const entry of entries) {
      const fits =
        wanted.every((name) => entry.classList.contains(name)) &&
        words.every((word) => texts.get(entry).includes(word));
      entry.hidden = !fits;
      shown += fits;
    }
    for (const section of sections)
      section.hidden = !section.querySelector("div.erratum:not([hidden])");
    result.textContent = `${shown} of ${entries.length} errata`;
  }

  // A link to an entry that the filter hides shows it.
  function reveal() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target || !target.closest("[hidden]")) return;
    search.value = "";
    for (const select of choices) select.value = "";
    apply();
    target.scrollIntoView();
  }

  filter.addEventListener("input", apply);
  window.addEventListener("hashchange", reveal);
  apply();
});
