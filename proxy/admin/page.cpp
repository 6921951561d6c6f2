#include "proxy/admin/page.hpp"

namespace rekey::proxy::admin {
namespace {

// Values are set as text, never as markup: names and reasons come from files, servers and clients.
constexpr std::string_view html = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rekey</title>
<style>
:root { color-scheme: light dark; --ink: #1c2330; --dim: #66708a; --paper: #f6f7f9; --card: #fff; --line: #e1e5ec;
  --good: #1a7f4b; --warn: #a15c00; --bad: #b3261e; --bar: #2f6fde; --track: #e6eaf2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8f0; --dim: #97a1b6; --paper: #12151b; --card: #1a1f28;
  --line: #2a313d; --good: #4cc38a; --warn: #e5a33d; --bad: #f2766d; --bar: #6ea0ff; --track: #2a313d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 48px; }
header { display: flex; gap: 14px; align-items: baseline; flex-wrap: wrap; margin-bottom: 18px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 13px; margin: 28px 0 8px; color: var(--dim); font-weight: 600; text-transform: uppercase;
  letter-spacing: .06em; }
.dim { color: var(--dim); } .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.badge { padding: 1px 9px; border: 1px solid currentColor; border-radius: 999px; font-size: 12px; font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 14px; } .tile b { display: block; font-size: 22px; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.card { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 8px 12px; white-space: nowrap; vertical-align: top; }
th { font-size: 12px; color: var(--dim); font-weight: 600; border-bottom: 1px solid var(--line); }
tr + tr td { border-top: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.wide { white-space: normal; min-width: 220px; overflow-wrap: anywhere; }
.track { display: inline-block; width: 110px; height: 8px; border-radius: 4px; background: var(--track);
  overflow: hidden; vertical-align: middle; margin-right: 8px; }
.track i { display: block; height: 100%; background: var(--bar); transition: width .4s; }
#notes p { margin: 4px 0; }
</style>
</head>
<body>
<main>
<header><h1>Rekey</h1><span class="badge" id="ready">…</span><span class="dim" id="about"></span></header>
<div id="notes" role="status"></div>
<div class="tiles" id="tiles"></div>
<h2>Credentials</h2><div class="card"><table id="credentials"></table></div>
<h2>Pools</h2><div class="card"><table id="pools"></table></div>
<h2>Backends by generation</h2><div class="card"><table id="generations"></table></div>
<h2>Pinned sessions</h2><div class="card"><table id="pinned"></table></div>
</main>
<script>
"use strict";
const byId = id => document.getElementById(id);
const make = (tag, text, name) => {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  if (name) node.className = name;
  return node;
};
const age = seconds => {
  if (seconds < 60) return Math.floor(seconds) + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h " + Math.floor(seconds / 60 % 60) + " min";
  return Math.floor(seconds / 86400) + " d " + Math.floor(seconds / 3600 % 24) + " h";
};
const since = time => time ? age(Math.max(0, (Date.now() - Date.parse(time)) / 1000)) : "–";
const until = time => {
  if (!time) return "–";
  const seconds = (Date.parse(time) - Date.now()) / 1000;
  return seconds < 0 ? "over" : "in " + age(seconds);
};
const count = value => Number(value).toLocaleString("en");
const stateClass = state => state === "idle" ? "good" : state === "held" || state === "rolled_back" ? "bad" : "warn";

// columns: [title, cell(row) -> text or node, class]
function fill(id, columns, rows, none) {
  const table = byId(id), head = make("thead"), body = make("tbody"), titles = make("tr");
  for (const [title, , name] of columns) titles.append(make("th", title, name));
  head.append(titles);
  for (const row of rows) {
    const line = make("tr");
    for (const [, cell, name] of columns) {
      const value = cell(row), box = make("td", undefined, name);
      if (value instanceof Node) box.append(value);
      else box.textContent = value === "" || value === null || value === undefined ? "–" : value;
      line.append(box);
    }
    body.append(line);
  }
  if (rows.length === 0) {
    const line = make("tr"), box = make("td", none, "dim");
    box.colSpan = columns.length;
    line.append(box);
    body.append(line);
  }
  table.replaceChildren(head, body);
}

function progress(row) {
  const { replaced, old_left, fresh } = row.progress, total = fresh + old_left;
  if (total === 0) return make("span", "no backends", "dim");
  const box = make("span"), track = make("span", undefined, "track"), bar = make("i");
  bar.style.width = (100 * fresh / total).toFixed(1) + "%";
  track.append(bar);
  box.append(track, fresh + " of " + total + (old_left ? " (" + row.progress.pinned_left + " pinned)" : ""));
  return box;
}

function show(status) {
  const ready = byId("ready");
  ready.textContent = status.shutting_down ? "shutting down" : status.ready ? "ready" : "not ready";
  ready.className = "badge " + (status.ready ? "good" : "bad");
  byId("about").textContent = "version " + status.version + " · up " + age(status.uptime_seconds);
  byId("notes").replaceChildren(...status.not_ready.map(text => make("p", text, "bad")),
    ...status.warnings.map(text => make("p", text, "warn")));
  const totals = status.totals, sum = counts => Object.values(counts).reduce((a, b) => a + b, 0);
  const tiles = [["clients", status.client_connections], ["transactions", totals.transactions],
    ["rotations done", status.credentials.reduce((n, row) => n + row.rotations.done, 0)],
    ["backends replaced", totals.replacements.replaced || 0], ["client errors", sum(totals.client_errors)],
    ["refused logins hidden", totals.auth_retries_saved]];
  byId("tiles").replaceChildren(...tiles.map(([title, value]) => {
    const tile = make("div", undefined, "tile");
    tile.append(make("b", count(value)), make("span", title, "dim"));
    return tile;
  }));
  fill("credentials", [["name", row => row.name], ["state", row => make("span", row.state, stateClass(row.state))],
    ["generation", row => row.generation, "n"], ["user", row => row.username], ["source", row => row.source],
    ["in service for", row => since(row.since)], ["next rotation", row => until(row.next_rotation)],
    ["expires", row => until(row.not_after)], ["on the newest generation", progress],
    ["old refused", row => row.generation > 1 ? (row.old_refused ? "yes" : "not proven") : "–"],
    ["reason", row => row.reason, "wide"]], status.credentials, "no credentials");
  fill("pools", [["upstream", row => row.upstream], ["database", row => row.pool], ["mode", row => row.mode],
    ["size", row => row.size, "n"], ["active", row => row.active, "n"], ["idle", row => row.idle, "n"],
    ["connecting", row => row.connecting, "n"], ["clients", row => row.clients_active, "n"],
    ["waiting", row => row.clients_waiting, "n"],
    ["longest wait", row => row.clients_waiting ? row.longest_wait_seconds.toFixed(2) + " s" : "–", "n"],
    ["last login error", row => row.last_error, "wide"]], status.pools, "no pool has been used yet");
  fill("generations", [["upstream", row => row.upstream], ["generation", row => row.generation, "n"],
    ["backends", row => row.backends, "n"]], status.generations, "no backends");
  fill("pinned", [["client", row => row.client, "n"], ["user", row => row.user], ["upstream", row => row.upstream],
    ["because of", row => row.reason], ["by", row => row.by], ["for", row => age(row.seconds)],
    ["freed by", row => row.freed_by, "wide"], ["holds up generation", row => row.blocks_generation || "–", "n"]],
    status.pinned_sessions, "none");
}

async function poll() {
  try {
    const answer = await fetch("api/status", { cache: "no-store" });
    if (!answer.ok) throw new Error("HTTP " + answer.status);
    show(await answer.json());
  } catch (error) {
    byId("ready").textContent = "not reachable";
    byId("ready").className = "badge bad";
    byId("about").textContent = String(error.message || error);
  }
  setTimeout(poll, document.hidden ? 5000 : 1000);
}
poll();
</script>
</body>
</html>
)html";

} // namespace

std::string_view page_html() {
    return html;
}

} // namespace rekey::proxy::admin
