// Building and updating the page: text goes in as text, never as markup, and nodes that stay are kept.

/** An element. `props`: `class`, `on` (event listeners), properties of the element, else attributes; null leaves out. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "on") for (const [event, listen] of Object.entries(value)) node.addEventListener(event, listen);
    else if (name.includes("-") || !(name in node)) node.setAttribute(name, value === true ? "" : String(value));
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Set the text of a node, touching it only when it changes. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show or hide a node. */
export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * Make a parent's children stand for items, in their order: known ones are updated in place, new ones made, others
 * removed. `make(item)` returns a node, `update(node, item)` fills it.
 */
export function keep(parent, items, keyOf, make, update) {
  const known = parent.kept ?? new Map();
  const wanted = new Set(items.map(keyOf));
  for (const [key, node] of known) if (!wanted.has(key)) node.remove();
  const next = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const before = known.get(key);
    const node = before ?? make(item);
    update(node, item);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    next.set(key, node);
  }
  parent.kept = next;
}

/** Whether somebody is typing, so that single keys are theirs. */
export function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
