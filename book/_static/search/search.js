// The search page. MiniSearch makes an index of the entries in sections.js when the page is opened;
// nothing is fetched, so it works from a disk. How a word is cut and written is said once, in
// `parts` and `written`, for the index, for the query and for the marks in what is shown.
(() => {
  const [PAGE, KIND, ANCHOR, TITLE, TEXT, NAMES] = [0, 1, 2, 3, 4, 5];
  const { pages, entries } = searchSections;

  const SHOWN = 20; // results, until more are asked for
  const LENGTH = 200; // letters of an excerpt
  const WEIGHT = { page: 1.5, section: 1, formula: 0.6, erratum: 0.5, term: 0.4, object: 0.4 };
  const WHERE = {
    page: () => "Page",
    section: (title) => `In ${title}`,
    formula: (title) => `Formula in ${title}`,
    erratum: () => "Erratum",
    term: () => "Glossary",
    object: (title) => `Object of ${title}`,
  };

  // --- words ----------------------------------------------------------------------------------

  const WORDS = /[\p{L}\p{M}\p{N}]+(?:_\p{Nd}(?![\p{L}\p{N}]))?/gu;
  const HAN = /\p{Script=Han}/u;
  const RUNS = /\p{Script=Han}+|\P{Script=Han}+/gu;
  const GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho " +
    "sigma sigma tau upsilon phi chi psi omega"
  ).split(" ");
  const STOP = new Set(
    "a an and are as at be by do does for from how in is it of on or that the this to vs what with"
      .split(" "),
  );

  /** Return where the words of a text begin and end; Chinese is cut into pairs of characters. */
  function parts(text) {
    return [...text.matchAll(WORDS)].flatMap(({ 0: word, index }) => {
      if (!HAN.test(word)) return [[index, index + word.length]];
      return [...word.matchAll(RUNS)].flatMap((run) => pairs(run[0], index + run.index));
    });
  }

  function pairs(run, at) {
    if (!HAN.test(run) || run.length < 3) return [[at, at + run.length]];
    return Array.from({ length: run.length - 1 }, (_, i) => [at + i, at + i + 2]);
  }

  /** Return a word as the index has it: β₂, beta2 and beta_2 alike; null if it says nothing. */
  function written(word) {
    if (!known.has(word)) known.set(word, spelt(word));
    return known.get(word);
  }

  const known = new Map();

  function spelt(word) {
    const plain = word
      .normalize("NFKC")
      .normalize("NFD")
      .replace(/[\p{M}_]/gu, "")
      .toLowerCase()
      .replace(/[α-ω]/g, (letter) => GREEK[letter.charCodeAt(0) - 0x3b1])
      .replace(/^(\w{3,})iz(?=[aei])/, "$1is") // optimizer, optimiser
      .replace(/^(\w{2,}[^aisu\d])s$/, "$1"); // rates, rate
    return STOP.has(plain) ? null : plain;
  }

  const cut = (text) => parts(text).map(([start, end]) => text.slice(start, end));
  const slug = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");

  // --- the index ------------------------------------------------------------------------------

  const FIELDS = {
    title: (entry) => entry[TITLE],
    names: (entry) => entry[NAMES].join(" "),
    page: (entry) => pages[entry[PAGE]][1],
    text: (entry) => entry[TEXT],
  };
  const index = new MiniSearch({
    fields: Object.keys(FIELDS),
    extractField: (number, field) => (field === "id" ? number : FIELDS[field](entries[number])),
    tokenize: cut,
    processTerm: written,
    searchOptions: {
      boost: { title: 5, names: 3, page: 2, text: 1 },
      boostDocument: (number) => WEIGHT[entries[number][KIND]],
      prefix: (term) => term.length > 1 || HAN.test(term),
    },
  });

  const isObject = ({ id }) => entries[id][KIND] === "object";

  // What the glossary says of abbreviations: sgd is stochastic gradient descent.
  const LONG = {};
  for (const entry of entries.filter((one) => one[KIND] === "term")) {
    const names = entry[TITLE].split(", ");
    const short = names.filter((name) => /^\p{Lu}{2,}$/u.test(name));
    const long = names.filter((name) => !short.includes(name)).join(" ");
    for (const name of short) LONG[written(name)] = long;
  }

  const pageOf = {};
  entries.forEach((entry, id) => entry[KIND] === "page" && (pageOf[entry[PAGE]] = id));

  /** Return the pages of which several sections have all words, as hits: first the one that speaks
   * of little else. They come before single sections. */
  function pagesOf(hits) {
    const sections = hits.filter(({ id }) => entries[id][KIND] === "section");
    return pages.flatMap((_, page) => {
      const found = sections.filter(({ id }) => entries[id][PAGE] === page);
      const all = entries.filter((entry) => entry[PAGE] === page && entry[KIND] === "section");
      const share = found.length / all.length;
      const score = share * found.reduce((sum, hit) => sum + hit.score, 0);
      const terms = found.flatMap((hit) => hit.terms);
      return found.length > 1 ? [{ id: pageOf[page], tier: 0.5, score, terms }] : [];
    });
  }

  /** Return the hits of a query, best first.
   *
   * First what the query names; then what has all its words, then what has some. If a heading has
   * all of them, objects of the package come last; if none has, a page of which several sections
   * have them counts as one that has.
   */
  function find(query) {
    const wanted = new Set(cut(query).map(written).filter(Boolean));
    const long = [...wanted].flatMap((word) => LONG[word] ?? []);
    const hits = index.search({ combineWith: "OR", queries: [query, ...long] });
    const inTitle = ({ match }) =>
      Object.values(match).filter((fields) => fields.includes("title")).length;
    const isNamed = ({ id }) => entries[id][NAMES].some((name) => slug(name) === slug(query));
    const hasAll = (hit) => [...wanted].every((word) => hit.queryTerms.includes(word));
    const told = hits.some(
      (hit) => ["page", "section"].includes(entries[hit.id][KIND]) && inTitle(hit) >= wanted.size,
    );
    const tier = (hit) => (isNamed(hit) ? 0 : told && isObject(hit) ? 3 : hasAll(hit) ? 1 : 2);
    for (const hit of hits) hit.tier = tier(hit);
    const lifted = told ? [] : pagesOf(hits.filter(hasAll));
    const others = hits.filter(({ id }) => !lifted.some((page) => page.id === id));
    return [...lifted, ...others].sort((a, b) => a.tier - b.tier || b.score - a.score);
  }

  const inProse = (word, options) => index.search(word, options).filter((hit) => !isObject(hit));

  /** Return the word of the index that is nearest to one that it has not, or the word itself. */
  function nearest(word) {
    for (let i = 0; i + 1 < word.length; i++) {
      const swapped = word.slice(0, i) + word[i + 1] + word[i] + word.slice(i + 2);
      if (inProse(swapped, { prefix: false }).length) return swapped;
    }
    for (const fuzzy of [1, 2]) {
      const found = inProse(word, { fuzzy, prefix: false }).flatMap((hit) => hit.terms);
      const count = {};
      for (const term of found) count[term] = (count[term] ?? 0) + 1;
      if (found.length) return Object.keys(count).sort((a, b) => count[b] - count[a])[0];
    }
    return word;
  }

  /** Return a query with the nearest word in the place of each that no prose has. */
  function corrected(query) {
    return query.replace(WORDS, (word) =>
      written(word) === null || inProse(word).length ? word : nearest(word),
    );
  }

  // --- what is shown --------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const one = Object.assign(document.createElement(tag), attributes);
    one.append(...children);
    return one;
  }

  const hitsIn = (text, terms) =>
    parts(text).filter(([start, end]) => terms.has(written(text.slice(start, end))));

  /** Return a text as nodes, with the words that were found marked. */
  function marked(text, terms) {
    const nodes = [];
    let done = 0;
    for (const [start, end] of hitsIn(text, terms)) {
      if (start > done || !nodes.length) nodes.push(text.slice(done, start), element("mark"));
      nodes.at(-1).append(text.slice(Math.max(start, done), end));
      done = end;
    }
    return [...nodes, text.slice(done)];
  }

  /** Return the part of a text that has the most of the words that were found. */
  function excerpt(text, terms) {
    if (text.length <= 1.2 * LENGTH) return text;
    const hits = hitsIn(text, terms);
    const score = ([first]) =>
      new Set(
        hits
          .filter(([start, end]) => start >= first && end <= first + 0.8 * LENGTH)
          .map(([start, end]) => written(text.slice(start, end))),
      ).size;
    const best = hits.reduce((a, b) => (score(b) > score(a) ? b : a), hits[0] ?? [0]);
    let start = Math.max(0, best[0] - 0.2 * LENGTH);
    if (start > 0) start = text.indexOf(" ", start) + 1 || start;
    if (start > best[0]) start = best[0];
    let end = start + LENGTH;
    if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), end - 20);
    const cutOut = text.slice(start, end).replace(/^[… ]+/, "");
    return `${start > 0 ? "… " : ""}${cutOut}${end < text.length ? " …" : ""}`;
  }

  function result({ id, terms }) {
    const entry = entries[id];
    const [address, title] = pages[entry[PAGE]];
    const found = new Set(terms);
    const anchor = entry[ANCHOR] && `#${encodeURIComponent(entry[ANCHOR])}`;
    const href = document.documentElement.dataset.content_root + address + anchor;
    return element(
      "li",
      {},
      element("a", { href }, ...marked(entry[TITLE], found)),
      element("p", { className: "search-where" }, WHERE[entry[KIND]](title)),
      element("p", {}, ...marked(excerpt(entry[TEXT], found), found)),
    );
  }

  const [status, list, more] = ["status", "results", "more"].map((part) =>
    document.getElementById(`search-${part}`),
  );

  function show(query) {
    const better = corrected(query);
    const hits = query.trim() ? find(better) : [];
    const link = element("a", { href: `?q=${encodeURIComponent(better)}` }, better);
    const count = `${hits.length} ${hits.length === 1 ? "result" : "results"} for `;
    if (!query.trim()) status.replaceChildren();
    else if (!hits.length) status.replaceChildren(`Nothing in the book has “${query}”.`);
    else if (better === query) status.replaceChildren(count, `“${query}”.`);
    else status.replaceChildren(`Nothing has “${query}” as it is written. `, count, link, ".");
    list.replaceChildren(...hits.slice(0, SHOWN).map(result));
    more.hidden = hits.length <= SHOWN;
    more.textContent = `Show all ${hits.length}`;
    more.onclick = () => {
      more.hidden = true;
      list.append(...hits.slice(SHOWN).map(result));
      list.children[SHOWN].querySelector("a").focus();
    };
  }

  const input = document.querySelector(".bd-search-container input");
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  if (input.value) status.textContent = "Searching …";
  else input.focus();
  index.addAllAsync([...entries.keys()], { chunkSize: 50 }).then(() => {
    show(input.value);
    let pause;
    input.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => show(input.value), 150);
    });
  });
})();
