// Renders /openapi.json. Text is only ever set as text, never as markup.
"use strict";

function node(tag, text, ...children) {
  const n = document.createElement(tag);
  if (text) n.textContent = text;
  n.append(...children);
  return n;
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.join(" | ");
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type || "";
  if (schema.items) return type + " of " + typeOf(schema.items);
  return schema.format ? type + " (" + schema.format + ")" : type;
}

function table(rows) {
  const t = node("table");
  for (const r of rows) t.append(node("tr", "", ...r.map((c, i) => node("td", "", i ? document.createTextNode(c) : node("code", c)))));
  return t;
}

function fields(schema) {
  return Object.entries(schema.properties || {}).map(([name, s]) =>
    [name, typeOf(s), (schema.required || []).includes(name) ? "required" : "", s.description || "",
     s.examples ? JSON.stringify(s.examples[0]) : ""]);
}

function operation(path, method, op) {
  const s = node("section", "", node("h2", "", Object.assign(node("span", method.toUpperCase()), { className: "method" }), node("code", path)), node("div", op.summary || ""));
  if (op.description) s.append(node("p", op.description));
  if ((op.parameters || []).length) s.append(node("h3", "Parameters"), table(op.parameters.map(p => [p.name, p.in, typeOf(p.schema), p.description || ""])));
  for (const [media, body] of Object.entries((op.requestBody || {}).content || {})) {
    s.append(node("h3", "Body " + media));
    s.append(body.schema && body.schema.properties ? table(fields(body.schema)) : node("div", typeOf(body.schema)));
  }
  s.append(node("h3", "Answers"), table(Object.entries(op.responses || {}).map(([code, r]) =>
    [code, r.description || "", Object.entries(r.content || {}).map(([m, c]) => (typeOf(c.schema) + " " + m).trim()).join(", ")])));
  return s;
}

async function main() {
  const out = document.getElementById("operations");
  const doc = await (await fetch("/openapi.json")).json();
  out.textContent = "";
  for (const path of Object.keys(doc.paths).sort())
    for (const [method, op] of Object.entries(doc.paths[path])) out.append(operation(path, method, op));
  out.append(node("h1", "Error codes"),
    node("section", "", table((doc["x-error-codes"] || []).map(c => [c.code, c.meaning]))));
  out.append(node("h1", "Types"));
  for (const [name, schema] of Object.entries(doc.components.schemas).sort())
    out.append(node("section", "", node("h2", name), table(fields(schema))));
}

main().catch(e => { document.getElementById("operations").textContent = "The description cannot be loaded: " + e; });
