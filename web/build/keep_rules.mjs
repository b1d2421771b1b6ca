/**
 * Trims a framework's style sheet to the class families that are used, without knowing the templates:
 * the result depends on the framework and the list alone.
 */

/** Splits CSS text into top-level statements, honouring braces, strings and comments. */
function statements(css) {
  const parts = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < css.length; i++) {
    const c = css[i];
    if (c === "/" && css[i + 1] === "*") {
      i = css.indexOf("*/", i + 2) + 1;
      if (depth === 0) start = i + 1;
    } else if (c === '"' || c === "'") {
      i++;
      while (css[i] !== c) i += css[i] === "\\" ? 2 : 1;
    } else if (c === "{") {
      depth++;
    } else if (c === "}" || (c === ";" && depth === 0)) {
      if (c === "}") depth--;
      if (depth === 0) {
        parts.push(css.slice(start, i + 1).trim());
        start = i + 1;
      }
    }
  }
  return parts;
}

/** Family of a class: `btn-primary` → `btn` by "word", `weui-btn_primary` → `weui-btn` by "pair". */
function family(name, by) {
  const words = name.split(/[-_]/);
  return by === "pair" ? words.slice(0, 2).join("-") : words[0];
}

function keepSelector(selector, families, by) {
  const classes = selector.match(/\.-?[a-zA-Z_][\w-]*/g) ?? [];
  return classes.every((name) => families.has(family(name.slice(1), by)));
}

/** Splits a selector list at commas that are outside brackets. */
function selectors(text) {
  const list = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "(" || c === "[") depth++;
    if (c === ")" || c === "]") depth--;
    if (i === text.length || (c === "," && depth === 0)) {
      list.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return list;
}

/** Returns `css` with only those rules whose every class belongs to one of `families`. */
export function keepRules(css, families, by) {
  const out = [];
  for (const statement of statements(css)) {
    const brace = statement.indexOf("{");
    if (brace < 0) {
      if (!statement.startsWith("@charset")) out.push(statement);
      continue;
    }
    const head = statement.slice(0, brace).trim();
    const body = statement.slice(brace + 1, -1);
    if (/^@(media|supports|container|layer)/.test(head)) {
      const inner = keepRules(body, families, by);
      if (inner) out.push(`${head}{${inner}}`);
    } else if (head.startsWith("@")) {
      out.push(statement);
    } else {
      const keep = selectors(head).filter((selector) => keepSelector(selector, families, by));
      if (keep.length > 0) out.push(`${keep.join(",")}{${body}}`);
    }
  }
  return out.join("\n");
}
