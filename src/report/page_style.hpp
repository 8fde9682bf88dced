#pragma once

#include <string_view>

namespace rbmpi {

/// The style of a page. The colours of lines (s0 to s3) and of shares (p0 to p7) can be told apart by the colour-blind
/// (after Okabe and Ito), those of classes (c0 to c9) only colour what is a text, and all texts have a contrast of at
/// least 4.5 to what is behind them, in both schemes.
inline constexpr std::string_view page_style = R"css(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f6f8; --ink: #1a1e23; --soft: #555e68; --rule: #d9dde2; --link: #0b5cad;
  --s0: #0b5fa5; --s1: #b0440a; --s2: #0f7057; --s3: #7a3fa0; --bin: #4a86ba;
  --c4: #b3186d; --c5: #5c6b00; --c6: #00727f; --c7: #8a5a00; --c8: #c01c28; --c9: #5e5c64;
  --w1: #fbf1ec; --w2: #f6ddcf; --w3: #eebb9f;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --panel: #1d2127; --ink: #e8eaed; --soft: #a9b1bb; --rule: #363d46; --link: #7cb8f5;
    --s0: #6fb4f3; --s1: #ffa160; --s2: #55caa2; --s3: #cba3f2; --bin: #4f8fc6;
    --c4: #f58cc0; --c5: #c3d24a; --c6: #5fd3e0; --c7: #e3b04b; --c8: #ff8a80; --c9: #b6b6bd;
    --w1: #2b211c; --w2: #4a3020; --w3: #6e4325;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 3.25rem 0 .25rem; padding-top: .75rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 0; }
.scroll + h3 { margin-top: 1.75rem; }
p { margin: .5rem 0; max-width: 44rem; }
a { color: var(--link); }
.lead { font-size: 1.1rem; color: var(--soft); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; padding: 0; margin: 1rem 0 0; }
nav a { display: inline-block; padding: .25rem 0; }
code, .mono { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .9em; }
code { overflow-wrap: anywhere; }
.option { white-space: nowrap; }
pre {
  background: var(--panel); border-radius: 6px; padding: .75rem 1rem; margin: .5rem 0; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.note { border-left: 3px solid var(--s1); padding: .1rem 0 .1rem .9rem; }
dl.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0 2rem; }
dl.figures div { background: var(--panel); border-radius: 6px; padding: .7rem .9rem; }
dl.figures dt { color: var(--soft); font-size: .85rem; }
dl.figures dd { margin: 0; font-size: 1.4rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
dl.figures dd small { display: block; font-size: .85rem; line-height: 1.4; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 2rem 2.5rem; margin: 1.25rem 0; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 0 2.5rem; margin: .5rem 0; }
dl.facts div { display: grid; grid-template-columns: 9.5rem 1fr; gap: 1rem; border-bottom: 1px solid var(--rule); padding: .3rem 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
figure { margin: 1.25rem 0; }
.charts figure { margin: 0; max-width: 34rem; }
figcaption p { margin: .1rem 0 .6rem; color: var(--soft); font-size: .9rem; }
svg { display: block; width: 100%; height: auto; font-size: 14px; font-variant-numeric: tabular-nums; }
svg text { fill: var(--soft); }
svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .error { stroke-width: 1.5; }
svg .label { font-weight: 600; }
svg .value { font-weight: 400; }
svg .bin { fill: var(--bin); }
svg .line.s1 { stroke-dasharray: 7 4; }
svg .line.s2 { stroke-dasharray: 2 4; }
svg .line.s3 { stroke-dasharray: 10 3 2 3; }
svg .s0 { stroke: var(--s0); } svg .s1 { stroke: var(--s1); } svg .s2 { stroke: var(--s2); } svg .s3 { stroke: var(--s3); }
svg .agree { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 5 4; }
svg .dots { fill: none; stroke-width: 3.5; stroke-linecap: round; stroke-opacity: .6; }
svg .dot { stroke: none; }
svg .dot.s0, svg .t0 { fill: var(--s0); } svg .dot.s1, svg .t1 { fill: var(--s1); }
svg .dot.s2, svg .t2 { fill: var(--s2); } svg .dot.s3, svg .t3 { fill: var(--s3); }
svg .mark { font-size: 11px; font-weight: 600; text-anchor: middle; }
svg .c0 { fill: var(--s0); } svg .c1 { fill: var(--s1); } svg .c2 { fill: var(--s2); } svg .c3 { fill: var(--s3); }
svg .c4 { fill: var(--c4); } svg .c5 { fill: var(--c5); } svg .c6 { fill: var(--c6); } svg .c7 { fill: var(--c7); }
svg .c8 { fill: var(--c8); } svg .c9 { fill: var(--c9); }
img { display: block; max-width: 100%; height: auto; border-radius: 3px; outline: 1px solid var(--soft); }
.rows { display: grid; grid-template-columns: 8.5rem 1fr; gap: .35rem 1rem; align-items: center; margin: 0 0 1.1rem; max-width: 52rem; }
.rows span { color: var(--soft); font-size: .9rem; text-align: right; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.2rem, 1fr)); gap: 1rem .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.mistakes strong { display: block; font-size: 1.05rem; line-height: 1.3; margin-top: .25rem; font-variant-numeric: tabular-nums; }
.mistakes small { display: block; line-height: 1.35; color: var(--soft); }
.scroll, .matrix { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; margin: .5rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { text-align: left; padding: .28rem 1.4rem .28rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.matrix table { border-collapse: separate; border-spacing: 1px; font-size: .88rem; }
.matrix th, .matrix td { text-align: right; padding: .25rem .4rem; border: 0; white-space: nowrap; min-width: 2.4rem; }
.matrix tbody th, .matrix tfoot th { font-weight: 600; text-align: left; position: sticky; left: 0; background: var(--paper); }
.matrix thead th:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); }
.matrix .right { background: var(--panel); font-weight: 600; outline: 1px solid var(--rule); }
.matrix .none { color: var(--soft); }
.matrix .w1 { background: var(--w1); } .matrix .w2 { background: var(--w2); } .matrix .w3 { background: var(--w3); font-weight: 600; }
.matrix .sum { border-left: 2px solid var(--rule); color: var(--soft); }
.matrix tfoot td, .matrix tfoot th { border-top: 2px solid var(--rule); color: var(--soft); }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--link); padding: .25rem 0; }
.bar { display: flex; height: 2.1rem; gap: 2px; margin: .5rem 0 .9rem; }
.part { flex-basis: 0; min-width: 0; overflow: hidden; font-size: .85rem; line-height: 2.1rem; padding-left: .4rem; color: #14171b; border-radius: 2px; }
.part:empty { padding: 0; }
.swatch { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .5rem; vertical-align: -.05rem; }
.p0 { background: #b9bfc6; } .p1 { background: #5eb5e8; } .p2 { background: #e9a227; } .p3 { background: #4bbd95; }
.p4 { background: #efe062; } .p5 { background: #dd93bd; } .p6 { background: #8fa6ea; } .p7 { background: #f0895a; }
footer { margin-top: 3.5rem; padding-top: 1rem; padding-bottom: 2.5rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 40rem) {
  header { padding-top: 1.5rem; }
  h1 { font-size: 1.6rem; }
  dl.figures { grid-template-columns: repeat(2, 1fr); }
  dl.figures dd { font-size: 1.2rem; }
  dl.facts div { grid-template-columns: 8.5rem 1fr; }
  .scroll { overflow-x: visible; }
  .scroll table, .scroll tbody, .scroll caption { display: block; }
  .scroll thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .scroll tbody tr { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .4rem 0; border-bottom: 1px solid var(--rule); }
  .scroll tbody th, .scroll td, .scroll .number {
    border: 0; padding: 0; min-width: 0; text-align: left; white-space: normal; overflow-wrap: anywhere;
  }
  .scroll tbody th { flex: 1 0 100%; font-weight: 600; }
  .scroll td:empty { display: none; }
  [data-label]::before { content: attr(data-label) " "; color: var(--soft); font-weight: 400; }
  .matrix table { font-size: .82rem; }
  .matrix th, .matrix td { padding: .22rem .3rem; min-width: 1.9rem; }
  .rows { grid-template-columns: 1fr; gap: .2rem; }
  .rows span { text-align: left; }
  .part { font-size: .78rem; padding-left: .25rem; }
}
@media print {
  body { font-size: 10pt; }
  header, main, footer { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { break-after: avoid; }
  figure, tr, dl.figures div { break-inside: avoid; }
  .charts { grid-template-columns: 1fr 1fr; }
  .part, .swatch, .bin, .matrix td, dl.figures div, pre { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

}  // namespace rbmpi
