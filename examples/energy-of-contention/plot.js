/** The tables as a picture: active energy against sequential, on a logarithmic axis, with the lowest and the highest run as a whisker. Pure; makes SVG. */
import { digits } from './statistics.js';

const WIDTH = 860;
const LEFT = 100;
const RIGHT = 70;
const BAR = 11;
const GAP = 9;
const PANEL_HEAD = 46;
const HEAD = 60;
/** By number of threads, one after the other; readable on white for those, too, who do not tell red from green. */
const COLOURS = ['#999999', '#0072b2', '#e69f00', '#d55e00', '#56b4e9', '#cc79a7'];

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x, y, content, attributes = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${attributes && ` ${attributes}`}>${escaped(content)}</text>`;

/** Whole powers of ten around all values, and around 1. */
function scaleOf(rows) {
  const all = rows.flatMap(({ active }) => [active.low, active.high]).filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(1, ...all)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, ...all))));
  const at = (value) => {
    const share = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
    return LEFT + share * (WIDTH - LEFT - RIGHT);
  };
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, tick) => 10 ** (low + tick)) };
}

function barOf({ threads, active }, y, { at }, colourOf) {
  const start = at(1);
  const end = at(active.median);
  const middle = y + BAR / 2;
  return [
    `<rect x="${Math.min(start, end).toFixed(1)}" y="${y}" width="${Math.max(1, Math.abs(end - start)).toFixed(1)}" height="${BAR}" fill="${colourOf(threads)}"/>`,
    `<line x1="${at(active.low).toFixed(1)}" x2="${at(active.high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#000"/>`,
    text(Math.max(start, end, at(active.high)) + 5, y + BAR - 2, digits(active.median), 'font-size="10"'),
  ];
}

function panelOf({ title, rows }, top, scale, colourOf) {
  const marks = [text(LEFT, top + 18, title, 'font-weight="bold"')];
  let y = top + PANEL_HEAD;
  let way;
  for (const row of rows) {
    if (row.way !== way) {
      if (way !== undefined) y += GAP;
      way = row.way;
      marks.push(text(LEFT - 8, y + BAR - 1, way, 'text-anchor="end"'));
    }
    marks.push(...barOf(row, y, scale, colourOf));
    y += BAR;
  }
  const axis = scale.ticks.flatMap((tick) => {
    const x = scale.at(tick);
    const stroke = tick === 1 ? '#000' : '#ccc';
    return [
      `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${top + PANEL_HEAD - 6}" y2="${y + 4}" stroke="${stroke}"/>`,
      text(x, top + PANEL_HEAD - 10, `${tick}`, 'text-anchor="middle" font-size="10"'),
    ];
  });
  return { marks: [...axis, ...marks], bottom: y + GAP };
}

/** `panels` are tables with a title, each with the rows of `report.js`. */
export function plotOf({ title, panels }) {
  const rows = panels.flatMap((panel) => panel.rows);
  const scale = scaleOf(rows);
  const counts = [...new Set(rows.map(({ threads }) => threads))].toSorted((a, b) => a - b);
  const colourOf = (threads) => COLOURS[counts.indexOf(threads) % COLOURS.length];
  const marks = [text(LEFT, 24, title, 'font-size="15" font-weight="bold"')];
  for (const [at, threads] of counts.entries()) {
    const x = LEFT + at * 110;
    marks.push(`<rect x="${x}" y="36" width="${BAR}" height="${BAR}" fill="${colourOf(threads)}"/>`);
    marks.push(text(x + 16, 46, threads === 1 ? '1 thread' : `${threads} threads`));
  }
  let top = HEAD;
  for (const panel of panels) {
    const drawn = panelOf(panel, top, scale, colourOf);
    marks.push(...drawn.marks);
    top = drawn.bottom;
  }
  const size = `width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}"`;
  const style = 'font-family="sans-serif" font-size="12"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>\n<rect width="100%" height="100%" fill="#fff"/>\n${marks.join('\n')}\n</svg>\n`;
}
