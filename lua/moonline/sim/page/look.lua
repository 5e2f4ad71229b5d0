-- How the page looks, and the little that it does.

local look = {}

look.style = [[
:root { --paper:#fbfaf8;--card:#fff;--ink:#1d232b;--soft:#66707c;--line:#dcdfe4;--shade:#f1f2f4;
  --request:#1668b8;--success:#1a7f4b;--provisional:#9a6700;--failure:#c22a31;--http:#7d3fb8;
  --verb:#1d232b;--digit:#0b7a83;--note:#66707c;--mark:#ffe08a }
@media (prefers-color-scheme:dark) {
  :root { --paper:#14171b;--card:#1b1f25;--ink:#e4e7eb;--soft:#98a2ae;--line:#343b45;
    --shade:#232830;--request:#6fb1f5;--success:#5bc98c;--provisional:#e0b04a;--failure:#ff7b7f;
    --http:#c39bf0;--verb:#e4e7eb;--digit:#53c7d0;--note:#98a2ae;--mark:#6a5413 }
}
* { box-sizing:border-box }
html { scroll-padding-top:4rem }
body { margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,-apple-system,
  "Segoe UI","DejaVu Sans",sans-serif }
header { padding:1.4rem clamp(1rem,3vw,2.5rem) .4rem }
h1 { margin:0;font-size:1.5rem;font-weight:650;overflow-wrap:anywhere }
h2 { margin:0 0 .6rem;font-size:1rem;font-weight:650;display:flex;align-items:center;gap:.8rem }
h3 { margin:0;padding:.5rem .9rem;font:600 .8rem/1.4 ui-monospace,"DejaVu Sans Mono",monospace;
  color:var(--soft);border-bottom:1px solid var(--line);overflow-wrap:anywhere }
.facts { list-style:none;display:flex;flex-wrap:wrap;gap:.4rem;margin:.6rem 0 0;padding:0 }
.facts li { background:var(--shade);border-radius:1rem;padding:.1rem .75rem;font-size:.85rem;
  color:var(--soft) }
main { display:grid;grid-template-columns:minmax(0,1fr);gap:1.2rem;padding:.8rem clamp(1rem,3vw,
  2.5rem) 3rem }
@media (min-width:1150px) {
  main { grid-template-columns:minmax(0,1.55fr) minmax(0,1fr);align-items:start }
}
main>div { display:grid;gap:1.6rem;grid-template-columns:minmax(0,1fr) }
button { font:inherit;font-size:.8rem;color:var(--soft);background:none;
  border:1px solid var(--line);border-radius:.5rem;padding:.1rem .6rem;cursor:pointer }
button:hover { color:var(--ink);border-color:var(--soft) }
:focus-visible { outline:2px solid var(--request);outline-offset:-2px;border-radius:.3rem }
.ladder,.bars,.heard,.document,.warnings { background:var(--card);border:1px solid var(--line);
  border-radius:.7rem }
.ladder { --time:4.6rem }
.heads { position:sticky;top:0;z-index:2;display:flex;background:var(--card);
  border-bottom:1px solid var(--line);border-radius:.7rem .7rem 0 0;padding:.55rem 0 }
.heads>span:first-child { flex:0 0 var(--time) }
.names { flex:1;display:grid;grid-template-columns:repeat(var(--n),minmax(0,1fr)) }
.names span { text-align:center;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;
  padding:0 .2rem;font-size:.9rem }
.row { --c:var(--note) }
.row.request { --c:var(--request) }
.row.success { --c:var(--success) }
.row.provisional { --c:var(--provisional) }
.row.failure { --c:var(--failure) }
.row.http { --c:var(--http) }
.row.verb { --c:var(--verb) }
.row.digit { --c:var(--digit) }
summary { display:flex;cursor:pointer;list-style:none }
summary::-webkit-details-marker { display:none }
.row:hover>summary,.row[open]>summary { background:color-mix(in srgb,var(--c) 7%,transparent) }
time { flex:0 0 var(--time);padding:.55rem .7rem 0 0;text-align:right;font:.75rem ui-monospace,
  "DejaVu Sans Mono",monospace;color:var(--soft) }
.lanes { flex:1;position:relative;height:2.15rem;background:linear-gradient(90deg,
  transparent calc(50% - .5px),var(--line) calc(50% - .5px) calc(50% + .5px),
  transparent calc(50% + .5px)) 0 0/calc(100%/var(--n)) 100% }
.arrow { position:absolute;bottom:.5rem;left:calc((var(--a) - .5)*100%/var(--n));
  width:calc((var(--b) - var(--a))*100%/var(--n));border-top:2px solid var(--c) }
.arrow:after { content:"";position:absolute;top:-5.5px;border:4.5px solid transparent }
.arrow.right:after { right:0;border-left:8px solid var(--c);border-right-width:0 }
.arrow.left:after { left:0;border-right:8px solid var(--c);border-left-width:0 }
.arrow>span { position:absolute;bottom:.16rem;left:.5rem;right:.5rem;display:flex;
  justify-content:center }
.arrow i { font-style:normal;font-size:.82rem;line-height:1.25;color:var(--c);white-space:nowrap;
  overflow:hidden;text-overflow:ellipsis;background:var(--card);padding:0 .25rem }
.row:hover .arrow i,.row[open] .arrow i { background:none }
.chip { position:absolute;top:.3rem;left:calc((var(--a) - .5)*100%/var(--n));
  transform:translateX(-50%);max-width:calc(180%/var(--n));padding:.08rem .6rem;
  border:1px solid color-mix(in srgb,var(--c) 45%,var(--line));border-radius:1rem;
  background:var(--card);color:var(--c);font-size:.8rem;white-space:nowrap;overflow:hidden;
  text-overflow:ellipsis }
.chip.first,.chip.last { max-width:calc(98%/var(--n)) }
.row.failure .chip { max-width:calc(290%/var(--n)) }
.row.verb .chip { background:var(--verb);color:var(--card);border-color:var(--verb);
  font-weight:600 }
.words { position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);
  white-space:nowrap }
.body { margin:0 .7rem .7rem;border-left:3px solid var(--c);background:var(--shade);
  border-radius:0 .5rem .5rem 0;padding:.6rem .9rem;overflow-x:auto }
.way { margin:0 0 .4rem;font-size:.8rem;color:var(--soft);overflow-wrap:anywhere }
pre { margin:0;font:.8rem/1.5 ui-monospace,"DejaVu Sans Mono",monospace;white-space:pre-wrap;
  overflow-wrap:anywhere }
.fields { border-collapse:collapse;font-size:.82rem }
.fields th { text-align:left;font-weight:500;color:var(--soft);padding:.05rem 1rem .05rem 0;
  vertical-align:top;white-space:nowrap }
.fields td { padding:.05rem 0;font-family:ui-monospace,"DejaVu Sans Mono",monospace;
  overflow-wrap:anywhere }
.bars { list-style:none;margin:0;padding:.4rem .9rem }
.bars li { padding:.55rem 0 }
.bars li+li { border-top:1px solid var(--line) }
.what { display:flex;gap:.6rem;align-items:baseline;font-size:.88rem }
.what a,.warnings a { color:var(--request);text-underline-offset:2px }
.for { color:var(--soft) }
.took { margin-left:auto;font:.78rem ui-monospace,"DejaVu Sans Mono",monospace;color:var(--soft);
  white-space:nowrap }
.track { position:relative;height:.5rem;border-radius:.25rem;background:var(--shade);
  margin:.35rem 0 .2rem;overflow:hidden }
.track i { position:absolute;top:0;bottom:0;border-radius:.25rem;background:var(--request) }
.bars p { margin:0;font-size:.82rem;color:var(--soft);overflow-wrap:anywhere }
.heard { margin:0 0 .8rem;padding:.7rem .9rem }
.heard:last-child { margin:0 }
figcaption { font-size:.88rem }
figcaption span { color:var(--soft);font-size:.8rem }
.wave { margin:.4rem 0;cursor:pointer }
.wave svg { display:block;width:100%;height:3.6rem }
.wave path { stroke:color-mix(in srgb,var(--soft) 55%,transparent);stroke-width:1.2;fill:none;
  vector-effect:non-scaling-stroke }
.wave .played { stroke:var(--request);clip-path:inset(0 calc(100% - var(--p,0%)) 0 0) }
audio { display:block;width:100%;height:2.4rem }
.warnings { list-style:none;margin:0;padding:.4rem .9rem }
.warnings li { display:flex;gap:.7rem;padding:.3rem 0;font-size:.88rem;overflow-wrap:anywhere }
.warnings b { color:var(--failure);font-weight:600;flex:none }
.document { overflow:hidden }
.document+.document { margin-top:.8rem }
.document ol { list-style:none;margin:0;padding:.4rem 0;counter-reset:n;overflow-x:auto }
.document li { display:flex;font:.8rem/1.6 ui-monospace,"DejaVu Sans Mono",monospace;
  padding-right:.9rem }
.document li[id]:before { counter-increment:n;content:counter(n);flex:0 0 2.6rem;
  text-align:right;padding-right:.9rem;color:var(--soft);user-select:none }
.document code { font:inherit;white-space:pre;tab-size:4 }
.document .marked { background:color-mix(in srgb,var(--failure) 9%,transparent) }
.document li:target { background:color-mix(in srgb,var(--request) 18%,transparent) }
.remark { color:var(--failure);padding-left:2.6rem;font-family:inherit }
.document li.remark { font-family:system-ui,"DejaVu Sans",sans-serif;white-space:normal }
mark { background:var(--mark);color:inherit;border-radius:.2rem }
@media (max-width:720px) {
  .ladder { --time:3.7rem }
  summary { flex-wrap:wrap }
  .arrow>span { display:none }
  .lanes { height:1.5rem }
  .chip,.chip.first,.chip.last { top:.45rem;width:.6rem;height:.6rem;padding:0;font-size:0;
    background:var(--c);border-color:var(--c) }
  .arrow { bottom:.65rem }
  .words { position:static;order:-1;flex:0 0 100%;width:auto;height:auto;clip-path:none;
    white-space:normal;color:var(--c);font-size:.82rem;padding:.4rem .7rem 0 .7rem;
    overflow-wrap:anywhere }
  time { padding-top:.15rem }
  .row+.row { border-top:1px solid var(--shade) }
  .names span { font-size:.78rem }
}
@media print {
  .heads { position:static }
  button,audio { display:none }
}
]]

look.script = [[
(function () {
  "use strict";
  var rows = Array.prototype.slice.call(document.querySelectorAll("details.row"));
  var all = document.getElementById("all");
  all.addEventListener("click", function () {
    var open = rows.some(function (row) { return !row.open; });
    rows.forEach(function (row) { row.open = open; });
    all.textContent = open ? "fold all" : "unfold all";
  });
  document.addEventListener("keydown", function (event) {
    var step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    var row = document.activeElement && document.activeElement.closest("details.row");
    var next = step && row && rows[rows.indexOf(row) + step];
    if (!next || document.activeElement.tagName !== "SUMMARY") return;
    event.preventDefault();
    next.firstElementChild.focus();
  });
  document.querySelectorAll(".heard").forEach(function (figure) {
    var audio = figure.querySelector("audio"), wave = figure.querySelector(".wave");
    function show() {
      var part = audio.duration ? audio.currentTime / audio.duration : 0;
      wave.style.setProperty("--p", 100 * part + "%");
    }
    audio.addEventListener("timeupdate", show);
    wave.addEventListener("click", function (event) {
      var box = wave.getBoundingClientRect();
      var part = (event.clientX - box.left) / box.width;
      if (audio.duration) audio.currentTime = audio.duration * part;
      show();
    });
  });
})();
]]

return look
