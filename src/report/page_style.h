#pragma once
/// The page's style sheet. Colours: Okabe and Ito's palette for all kinds of colour vision ("Color
/// universal design", 2008), its yellow darkened on white and its blues lightened on black.

#include <string_view>

namespace symbiont::report {

inline constexpr std::string_view kPageStyle = R"css(
:root{color-scheme:light dark;--bg:#fff;--ink:#1a1e24;--soft:#59636f;--grid:#e4e7eb;--line:#8b949e;--panel:#f6f8fa;
--c0:#0072b2;--c1:#e69f00;--c2:#009e73;--c3:#d55e00;--c4:#cc79a7;--c5:#56b4e9;--c6:#8f7c00;--c7:#1a1e24;--c8:#7d8791;--cn:#a8b0b9}
@media (prefers-color-scheme:dark){:root{--bg:#13161a;--ink:#e4e7ea;--soft:#9ca6b1;--grid:#2a3037;--line:#69737e;
--panel:#1b1f25;--c0:#4a9fe0;--c1:#f0b030;--c2:#22b98d;--c3:#f0793a;--c4:#e09cc3;--c5:#8ed0f5;--c6:#d8c840;--c7:#e4e7ea;--c8:#8d97a2;--cn:#7b858f}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{width:1100px;max-width:100%;margin:0 auto;padding:24px 20px 40px}
h1{font-size:24px;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:36px 0 8px}
p{margin:4px 0}
.lead{color:var(--soft)}
.status{font-size:13px;font-weight:600;border:1.5px solid currentColor;border-radius:4px;padding:1px 7px;margin-left:8px;vertical-align:3px}
.good{color:var(--c2)}.bad{color:var(--c3)}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:18px 0 4px}
.tile{background:var(--panel);border-radius:6px;padding:10px 14px}
.tile b{display:block;font-size:22px;line-height:1.3;font-variant-numeric:tabular-nums}
.tile span,figcaption,p{text-wrap:pretty}
.tile span{color:var(--soft);font-size:12.5px;display:block;line-height:1.4}
.plots{display:grid;grid-template-columns:1fr 1fr;gap:26px 20px;margin-top:22px}
figure{margin:0;min-width:0;break-inside:avoid}
figure.wide{grid-column:1/-1}
figure h3{font-size:14.5px;margin:0 0 6px}
figcaption{font-size:13px;line-height:1.45;margin-top:6px}
figcaption small{display:block;color:var(--soft);font-size:12px;line-height:1.4}
.missing{background:var(--panel);border:1px dashed var(--line);border-radius:6px;padding:40px 24px;text-align:center;color:var(--soft)}
svg{display:block;width:100%;height:auto;overflow:visible}
svg.shapes{position:absolute;width:0;height:0}
svg text{font:11.5px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .title{fill:var(--soft)}
svg .name{font-weight:600}
.grid{stroke:var(--grid);stroke-width:1}
.axis{stroke:var(--line);stroke-width:1}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.c5{color:var(--c5)}.c6{color:var(--c6)}.c7{color:var(--c7)}.c8{color:var(--c8)}.cn{color:var(--cn)}
use{fill:currentColor;stroke:var(--bg);stroke-width:.5}
use.hollow{fill:var(--bg);stroke:currentColor;stroke-width:1.5}
.band{fill:var(--ink);opacity:.09}
.baseline{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:6 4}
.steady{stroke:var(--c2);stroke-width:1.6}
svg .steady-label{fill:var(--c2);font-weight:600}
svg .baseline-label{fill:var(--ink)}
.range{stroke:var(--line);stroke-width:1}
.path{fill:none;stroke:var(--line);stroke-width:.8;opacity:.7}
.front{fill:none;stroke:var(--ink);stroke-width:1;stroke-dasharray:2 3}
.curve{fill:none;stroke:currentColor;stroke-width:1;opacity:.28;stroke-linejoin:round}
.curve.typical{stroke-width:1.9;opacity:1}
.segment{fill:currentColor;stroke:var(--bg);stroke-width:1}
.hatched{fill:url(#hatch)}.dotted{fill:url(#dots)}
.ink{fill:var(--bg);opacity:.75}
.plate{fill:var(--bg);opacity:.86}
.interval{stroke:currentColor;stroke-width:2}
.area{fill:var(--c5);opacity:.28}
.step{stroke:var(--c0);stroke-width:2}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{text-align:right;white-space:nowrap;padding:3px 10px;border-bottom:1px solid var(--grid);vertical-align:top}
th{font-weight:600;color:var(--soft);border-bottom:1.5px solid var(--line)}
td.text,th.text{text-align:left}
td.text{white-space:normal;overflow-wrap:break-word}td.which{white-space:nowrap}td.words{white-space:normal}
table.full{width:100%}
tr.note td{color:var(--soft);text-align:left}
.scroll{overflow-x:auto}
.tall{max-height:560px;overflow:auto;border:1px solid var(--grid);border-radius:6px}
.tall thead th{position:sticky;top:0;background:var(--bg)}
footer{margin-top:36px;color:var(--soft);font-size:12.5px}
@media (max-width:820px){.plots{grid-template-columns:1fr}.tiles{grid-template-columns:1fr 1fr}}
@page{size:A4;margin:12mm}
@media print{:root{--bg:#fff;--ink:#000;--soft:#444;--grid:#ddd;--line:#777;--panel:#f4f4f4;
--c0:#0072b2;--c1:#e69f00;--c2:#009e73;--c3:#d55e00;--c4:#cc79a7;--c5:#56b4e9;--c6:#8f7c00;--c7:#000;--c8:#7d8791;--cn:#a8b0b9}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{width:auto;padding:0}body{font-size:11px}h1{font-size:19px}h2{font-size:14px}figure h3{font-size:11.5px}th,td{padding:2px 6px}.tile b{font-size:17px}figcaption,table{font-size:10.5px}
.tile span,figcaption small,footer{font-size:9.5px}.plots{grid-template-columns:1fr 1fr}.tiles{grid-template-columns:repeat(4,1fr)}
.tall{max-height:none;border:0;overflow:visible}.tall thead th{position:static}tr{break-inside:avoid}h2{break-after:avoid}}
)css";

}  // namespace symbiont::report
