// The converter: an optimiser of one framework goes in with its hyper-parameters, and the call of
// another framework that makes the same steps comes out, or why there is none.
(function (descent) {
  "use strict";

  const { arguments_of, converter, html } = descent;
  const { call, dict, difference, dropping, fitting, frameworkOf, optimisersOf, read, tried, written } = converter;
  const FRAMEWORKS = { keras: "Keras", torch: "PyTorch", optax: "Optax" };
  const USUAL_RATE = 0.001; // where a framework has none
  const raised = (digits) => [...digits].map((one) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(one)]).join("");
  const short = (value) => {
    const [plain, power] = String(Number(value.toPrecision(2))).replace("e+", "e").split("e");
    return (power ? `${plain} · 10${raised(power)}` : plain).replace(/^-/, "−");
  };
  const upper = (text) => text[0].toUpperCase() + text.slice(1);
  const isRate = (name) => ["lr", "learning_rate"].includes(name);
  let names = 0;

  function labelled(text, element) {
    element.id = `converter-${names++}`;
    return html("div", { class: "field" }, html("label", { for: element.id }, text), element);
  }

  function select(label, options, change, chosen) {
    const element = html("select", { change }, ...options.map(([value, text]) => html("option", { value, selected: value === chosen }, text)));
    return { element, root: labelled(label, element) };
  }

  const optionsOf = (framework) => optimisersOf(framework).map((name) => [name, name]);
  const frameworks = Object.entries(FRAMEWORKS);

  function start(host) {
    const from = select("From", frameworks, changeFrom, "keras");
    const source = select("Optimiser", optionsOf("keras"), changeSource, "keras.optimizers.Adam");
    const to = select("To", frameworks, changeTo, "torch");
    const target = select("As", [], work);
    const fields = html("div", { class: "fields" });
    const changes = html("input", { type: "checkbox", change: work });
    const drops = html("div", { class: "field switch" }, changes);
    const alerts = html("div", { class: "alerts", role: "alert" });
    const said = html("div", { class: "answer", role: "status" });
    let inputs = [];

    host.append(
      html("div", { class: "app", role: "group", "aria-label": "Converter" },
        html("div", { class: "fields" }, from.root, source.root, to.root, target.root),
        fields, drops, alerts, said),
    );
    changes.id = `converter-${names++}`;
    drops.append(html("label", { for: changes.id }, "the learning rate changes while it trains"));
    host.classList.add("live");

    function fill(choice, options) {
      choice.element.replaceChildren(...options.map(([value, text]) => html("option", { value }, text)));
    }

    function changeFrom() {
      fill(source, optionsOf(from.element.value));
      const namesake = [...source.element.options].find(({ value }) => /\.adam$/i.test(value));
      source.element.value = namesake.value;
      changeSource();
    }

    // A field for each argument, with the framework's own default.
    function changeSource() {
      inputs = arguments_of(source.element.value).items().map(([name, usual]) => {
        const isSwitch = typeof usual === "boolean";
        const shown = written(usual === undefined ? USUAL_RATE : usual);
        const input = isSwitch
          ? html("input", { type: "checkbox", checked: usual, change: work })
          : html("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", value: shown, input: work });
        return { name, input, isSwitch, root: labelled(name, input) };
      });
      fields.replaceChildren(...inputs.map(({ root }) => root));
      work();
    }

    function changeTo() {
      fill(target, [["", "the one that fits"], ...optionsOf(to.element.value)]);
      work();
    }

    function given() {
      const values = inputs.map(({ name, input, isSwitch }) => {
        input.removeAttribute("aria-invalid");
        if (isSwitch) return [name, input.checked];
        try {
          const value = read(name, input.value);
          return [name, isRate(name) && changes.checked && typeof value === "number" ? dropping(value) : value];
        } catch (error) {
          input.setAttribute("aria-invalid", "true");
          throw error;
        }
      });
      return dict(values);
    }

    function work() {
      alerts.replaceChildren();
      try {
        const values = given();
        const name = source.element.value;
        descent.framework_rule(name, values);
        const answer = target.element.value ? tried(name, target.element.value, values) : fitting(name, to.element.value, values);
        tell(name, values, answer);
      } catch (error) {
        if (!(error instanceof descent.python.ValueError)) throw error;
        alerts.replaceChildren(html("p", {}, `${upper(error.message)}.`));
        said.replaceChildren(html("p", { class: "verdict" }, "Not read."));
      }
    }

    function tell(name, values, { target: other, found, why, nearest }) {
      const lines = [html("p", { class: "verdict" }, found ? `The same steps, with ${other}:` : `${upper(FRAMEWORKS[frameworkOf(other)])} has none that makes the same steps${target.element.value ? ` as ${other}` : ""}.`)];
      if (!found) lines.push(html("p", {}, `${why}.`));
      const shown = found ?? nearest;
      if (!found && shown) lines.push(html("p", {}, "The nearest:"));
      if (shown) lines.push(code(call(other, shown)));
      if (shown && shown.items().some(([, value]) => typeof value === "function")) {
        lines.push(html("p", {}, `schedule is the learning rate of ${name} as a function of the step. PyTorch takes it as lr with a scheduler, from step 1; Keras and Optax count from 0.`));
      }
      if (!found && shown) lines.push(html("p", {}, sizeOf(difference(descent.framework_rule(name, values), descent.framework_rule(other, shown)))));
      said.replaceChildren(...lines);
    }

    function sizeOf({ deviation, firstStep }) {
      const parts = [];
      if (Number.isFinite(deviation)) parts.push(`On 500 random gradients of size 1 the two part by up to ${short(100 * deviation)} % of the distance travelled`);
      if (Number.isFinite(firstStep)) parts.push(`the first step on a gradient of 10⁻¹⁰ is ${short(firstStep)} times as long in the nearest`);
      return parts.length ? `${upper(parts.join("; "))}.` : "One of the two runs overflows on random gradients of size 1.";
    }

    function code(text) {
      const button = html("button", { type: "button", click: () => copy(text, button) }, "Copy");
      return html("div", { class: "call" }, html("pre", { tabindex: 0, "aria-label": "The call" }, text), button);
    }

    async function copy(text, button) {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        const range = document.createRange();
        range.selectNodeContents(button.previousSibling);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        button.textContent = "Selected";
      }
    }

    changeTo();
    changeSource();
  }

  document.querySelectorAll(".converter").forEach(start);
})(window.descent);
