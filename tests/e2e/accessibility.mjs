// Barriers on a page, as far as a program can find them (WCAG 2.2): names of fields, buttons,
// images and frames; headings, languages and titles; contrast.

/** The least contrast of text with its background; of large text (WCAG 1.4.3). */
const CONTRAST = { plain: 4.5, large: 3 };

/** Every barrier on a page and in its frames, each in a few words. */
export async function barriers(page, language) {
  const found = await Promise.all(page.frames().map((frame) => frame.evaluate(inspect, CONTRAST)));
  const [top, ...frames] = found;
  const lang = await page.evaluate(() => document.documentElement.lang);
  if (language && lang !== language) top.push(`the page says that it is in "${lang}"`);
  // An e-mail in a frame has its own outline, and its texts are the sender's.
  return [...top, ...frames.flat().filter((barrier) => barrier.startsWith("no "))];
}

/** Runs in the page. */
function inspect(least) {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const show = (one) => one.outerHTML.slice(0, 90).replace(/\s+/g, " ");
  const isSeen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const nameOf = (one) =>
    one.getAttribute("aria-label") || one.textContent.trim() || one.querySelector("img[alt]")?.alt;

  if (!document.title.trim()) found.push("no title");
  if (!document.documentElement.lang) found.push("no language");
  const headings = all("h1, h2, h3, h4, h5, h6").filter(isSeen);
  const ranks = headings.map((one) => Number(one.tagName[1]));
  if (ranks.filter((rank) => rank === 1).length !== 1) found.push("not one h1");
  ranks.forEach((rank, index) => {
    if (rank > (ranks[index - 1] ?? 0) + 1) found.push(`a heading skips a rank: ${show(headings[index])}`);
  });
  if (window === top && all("main").length !== 1) found.push("not one main");

  for (const one of all("input:not([type=hidden]), select, textarea")) {
    if (isSeen(one) && !one.labels.length) found.push(`no label: ${show(one)}`);
  }
  for (const one of all("button, a[href], summary")) if (!nameOf(one)) found.push(`no name: ${show(one)}`);
  for (const one of all("img")) if (!one.hasAttribute("alt")) found.push(`no alt: ${show(one)}`);
  for (const one of all("svg")) {
    const isNamed = one.getAttribute("aria-hidden") === "true" || one.getAttribute("role") === "img";
    if (isSeen(one) && !isNamed) found.push(`no name and not hidden: ${show(one)}`);
  }
  for (const one of all("iframe")) if (!one.title) found.push(`no title: ${show(one)}`);
  for (const one of all("[tabindex]")) if (one.tabIndex > 0) found.push(`an order of its own: ${show(one)}`);
  for (const one of all("table:not([role=presentation]) th")) if (!one.scope) found.push(`no scope: ${show(one)}`);

  const ids = all("[id]").map((one) => one.id);
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) found.push(`two #${id}`);
  for (const name of ["aria-describedby", "aria-labelledby", "aria-controls", "for"]) {
    for (const one of all(`[${name}]`)) {
      const missing = one.getAttribute(name).split(/\s+/).filter((id) => !ids.includes(id));
      if (missing.length) found.push(`${name} leads nowhere: ${show(one)}`);
    }
  }
  for (const one of all('a[href^="#"]')) {
    if (!ids.includes(one.hash.slice(1))) found.push(`a link that leads nowhere: ${show(one)}`);
  }

  const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  /** The color behind an element; nothing if it is not a plain color. */
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const { backgroundColor, backgroundImage, position } = getComputedStyle(at);
      if (backgroundImage !== "none") return undefined;
      const [, , , alpha = 1] = channels(backgroundColor);
      if (alpha === 1) return backgroundColor;
      if (alpha > 0 || (position === "absolute" && at !== one)) return undefined;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = all("body *").filter((one) => {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return own && isSeen(one) && !one.closest("svg, style, script, option, [aria-hidden=true]");
  });
  for (const one of texts) {
    const { color, fontSize, fontWeight } = getComputedStyle(one);
    const under = behind(one);
    if (!under || !color.startsWith("rgb(")) continue;
    const [dark, bright] = [light(color), light(under)].sort((a, b) => a - b);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const size = parseFloat(fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
    if (ratio < (isLarge ? least.large : least.plain)) {
      found.push(`contrast ${ratio.toFixed(2)}: ${show(one)}`);
    }
  }
  return found;
}
