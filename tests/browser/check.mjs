// Looks at the public site as others do: a browser (axe-core, light and dark, wide and narrow, with and without scripts), html-validate, the types
// of schema.org, and another library's calendar. `check.mjs PROGRAM` starts the demo of PROGRAM and looks at all of its site.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import AxeBuilder from "@axe-core/playwright";
import { HtmlValidate } from "html-validate";
import ICAL from "ical.js";
import { chromium } from "playwright-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const MOST_PAGES = { es: 18, en: 8 };
/** What must be among the pages that were looked at, and whether pictures are shown there. */
const KINDS = [
  [/\/courses$/, true], [/\/courses\/marketing-digital$/, true], [/\/course-runs\/[0-9a-f-]{36}$/, true], [/\/blog-posts$/, true],
  [/\/blog-posts\/becas-y-ayudas-para-estudiar$/, true], [/\/faqs$/, false], [/\/embed\/courses$/, true],
];
const here = dirname(fileURLToPath(import.meta.url));
/** What people write into forms in the hope that it runs in somebody else's browser. The tests of the API send the same. */
const PAYLOADS = JSON.parse(readFileSync(join(here, "../payloads.json"), "utf8"));
/** A picture of one point. */
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const faults = [];
const fault = (where, what) => faults.push(`${where}: ${what}`);

/** Asks over a connection of its own: one that is kept may be closed by the other side at the very moment. */
const ask = (url, options = {}) => fetch(url, { ...options, headers: { Connection: "close", ...options.headers } });

function browserProgram() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch { /* the next one */ }
  }
  throw new Error("no browser is installed");
}

async function demo(program) {
  const child = spawn(program, ["demo", "--json", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((found, lost) => {
    let text = "";
    child.stdout.on("data", (part) => {
      text += part;
      if (text.includes("\n")) found(text.slice(0, text.indexOf("\n")));
    });
    child.on("exit", () => lost(new Error("the demo ended")));
  });
  return { ...JSON.parse(line), stop: () => child.kill() };
}

/** Calls the API as somebody who signed in. */
async function caller(site, role) {
  const { email, password } = site.sign_ins.find((known) => known.role === role);
  const call = async (method, path, body, headers = {}) => {
    const answer = await ask(`${site.url}/api/v1${path}`, {
      method,
      headers: { "Content-Type": "application/json", ...headers },
      body: body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, etag: answer.headers.get("etag"), json: text ? JSON.parse(text) : null };
  };
  const { json } = await call("POST", "/auth/login", { email, password });
  return (method, path, body, headers) => call(method, path, body, { Authorization: `Bearer ${json.access_token}`, ...headers });
}

/** Everything that a page says besides itself: dialogs, complaints of its policy, errors, requests to elsewhere. */
async function watched(context, url) {
  const page = await context.newPage();
  const said = [];
  page.on("dialog", (dialog) => { said.push(`dialog «${dialog.message()}»`); dialog.dismiss(); });
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) said.push(message.text()); });
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => { if (new URL(request.url()).origin !== new URL(url).origin) said.push(`asks ${request.url()}`); });
  return { page, said };
}

const validator = new HtmlValidate({ extends: ["html-validate:recommended"], rules: { "long-title": "off" } });

async function looksWell(browser, url, dark, width) {
  const context = await browser.newContext({ colorScheme: dark ? "dark" : "light", viewport: { width, height: 800 } });
  const { page, said } = await watched(context, url);
  const answer = await page.goto(url, { waitUntil: "load" });
  const where = `${url} (${dark ? "dark" : "light"}, ${width} px)`;
  const { violations, incomplete } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  for (const found of violations) fault(where, `axe ${found.id}: ${found.nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
  for (const found of incomplete) fault(where, `axe is not sure of ${found.id}: ${found.nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  if (wide) fault(where, "is wider than the window");
  // That the page itself is not there is told by the browser too.
  for (const what of said) if (answer.ok() || !what.startsWith("Failed to load resource")) fault(where, what);
  const links = await page.$$eval("a[href]", (all) => all.map((link) => link.href));
  const structured = await page.$$eval('script[type="application/ld+json"]', (all) => all.map((script) => script.textContent));
  // Those at the end of a page wait until somebody comes there.
  const lost = await page.evaluate(async () => {
    const pictures = [...document.images];
    for (const picture of pictures) picture.loading = "eager";
    const shown = await Promise.all(pictures.map((picture) => picture.decode().then(() => true, () => false)));
    return pictures.filter((_, n) => !shown[n]).map((picture) => picture.outerHTML);
  });
  for (const picture of lost) fault(where, `a picture is not shown: ${picture}`);
  const pictures = await page.evaluate(() => document.images.length);
  const html = await answer.text();
  await context.close();
  return { status: answer.status(), html, links, structured, pictures };
}

/** Follows the links of the site from its list of courses. */
async function crawl(browser, site, most) {
  const root = `${site.url}/site/${site.organization}`;
  const waiting = ["/courses", "/embed/courses", "/courses/no-such-course", "/blog-posts", "/faqs"].map((path) => root + path);
  const seen = new Map();
  for (let url = waiting.shift(); url && seen.size < most; url = waiting.shift()) {
    if (seen.has(url)) continue;
    const gone = url.endsWith("no-such-course");
    let looked;
    for (const [dark, width] of [[false, 1280], [true, 1280], [false, 320], [true, 320]]) looked = await looksWell(browser, url, dark, width);
    if (looked.status !== (gone ? 404 : 200)) fault(url, `answers ${looked.status}`);
    const report = await validator.validateString(looked.html, url);
    for (const message of report.results.flatMap((result) => result.messages)) fault(url, `html-validate ${message.ruleId}: ${message.message} (line ${message.line})`);
    seen.set(url, looked);
    for (const link of looked.links) {
      const target = link.split("#")[0];
      if (!target.startsWith(root) || seen.has(target)) continue;
      if (/\.(ics|csv|xml)$/.test(target) || /\/media\//.test(target)) {
        const answer = await ask(target);
        if (!answer.ok) fault(url, `a link leads to ${target}, which answers ${answer.status}`);
        await answer.arrayBuffer();
      } else if (!target.includes("cursor=") || ![...seen.keys()].some((known) => known.includes("cursor="))) {
        // What is of a kind that was not looked at yet comes first.
        const isNew = KINDS.some(([kind]) => kind.test(target) && ![...seen.keys(), ...waiting].some((known) => kind.test(known)));
        if (isNew) waiting.unshift(target); else waiting.push(target);
      }
    }
  }
  for (const [kind, illustrated] of KINDS) {
    const [url, looked] = [...seen].find(([known]) => kind.test(known)) ?? [];
    if (!url) fault(String(kind), "no such page was found");
    else if ((looked.pictures > 0) !== illustrated) fault(url, `has ${looked.pictures} pictures`);
  }
  return seen;
}

/** Whether a page of nothing but faults is told to be one: what finds nothing there finds nothing anywhere. */
async function control(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}/livez`);
  await page.setContent('<html><body><img src="/x.png"><input><p style="color:#777;background:#888">x</p></body></html>');
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  if (violations.length < 4) fault("control", `axe finds ${violations.length} faults on a page that has more`);
  const report = await validator.validateString("<p><div></p>");
  if (report.valid) fault("control", "html-validate finds nothing wrong with what is");
  await context.close();
}

/** JSON-LD against the types of schema.org: it is written into a program that only compiles if they are met. */
function structuredDataHolds(pages) {
  const folder = mkdtempSync(join(tmpdir(), "json-ld-"));
  symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
  const texts = [...pages.entries()].flatMap(([url, page]) => page.structured.map((text) => [url, JSON.parse(text)]));
  const type = (thing) => (thing["@type"] === "ItemList" ? "ItemList" : thing["@type"]);
  const lines = texts.map(([url, thing], n) => `// ${url}\nconst thing${n}: WithContext<${type(thing)}> = ${JSON.stringify(thing)};`);
  const wrong = 'const wrong: WithContext<Course> = {"@context": "https://schema.org", "@type": "Course", "startsOn": "x"};';
  const types = [...new Set(texts.map(([, thing]) => type(thing))), "Course"].filter((name, n, all) => all.indexOf(name) === n);
  const imports = `import type { WithContext, ${types.join(", ")} } from "schema-dts";`;
  const compiles = (name, body) => {
    writeFileSync(join(folder, name), `${imports}\n${body}\nexport {};\n`);
    try {
      execFileSync(process.execPath, [join(here, "node_modules/typescript/lib/tsc.js"), "--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "bundler", "--module", "esnext", join(folder, name)], { encoding: "utf8" });
      return null;
    } catch (error) {
      return error.stdout;
    }
  };
  const complaint = compiles("all.ts", lines.join("\n"));
  if (complaint) fault("JSON-LD", complaint.slice(0, 3000));
  if (!compiles("wrong.ts", wrong)) fault("JSON-LD", "what is wrong passes");
  rmSync(folder, { recursive: true });
  return texts.length;
}

async function calendarHolds(site) {
  const text = await (await ask(`${site.url}/site/${site.organization}/course-runs.ics`)).text();
  const events = new ICAL.Component(ICAL.parse(text)).getAllSubcomponents("vevent").map((event) => new ICAL.Event(event));
  const listed = (await (await ask(`${site.url}/site/${site.organization}/course-runs.csv`)).text()).trim().split("\r\n").length - 1;
  if (events.length === 0 || events.length !== listed) fault("course-runs.ics", `has ${events.length} events, the list ${listed} runs`);
  for (const event of events) {
    if (!event.uid || !event.summary || !event.startDate.isDate || event.endDate.compare(event.startDate) <= 0) fault("course-runs.ics", `${event.uid} is no event`);
  }
  return events.length;
}

/** What people write that should run, in every text of a course, a campus, a post and a question: it is shown, and does not run (S11). */
async function nothingWrittenRuns(browser, site) {
  const owner = await caller(site, "owner");
  const context = await browser.newContext();
  let pages = 0;
  const look = async (path, least = 0) => {
    const url = `${site.url}/site/${site.organization}${path}`;
    const { page, said } = await watched(context, url);
    const answer = await page.goto(url, { waitUntil: "load" });
    const active = await page.evaluate(() => document.querySelectorAll("script:not([type='application/ld+json']), iframe, object, embed, svg, [onerror], [onload], [onclick], a[href^='javascript:' i]").length);
    if (active) fault(url, `holds ${active} active elements`);
    const pictures = await page.evaluate(() => document.images.length);
    if (pictures < least) fault(url, `has ${pictures} pictures`);
    // Control characters are nothing to search for.
    for (const what of said) if (answer.status() !== 422 || !what.startsWith("Failed to load resource")) fault(url, what);
    await page.close();
    pages += 1;
  };
  /** Publishes what was made; what is left of some texts is nothing, and what is published says something. */
  const publish = async (payload, path, rest) => {
    let told = await owner("POST", `${path}/transitions`, { to: "published" });
    if (told.status === 409) {
      await owner("PATCH", path, rest, { "If-Match": "*" });
      told = await owner("POST", `${path}/transitions`, { to: "published" });
    }
    if (told.status !== 200) fault(payload, `publishing ${path} answers ${told.status}`);
  };
  for (const [n, payload] of PAYLOADS.entries()) {
    const line = payload.replace(/\s+/g, " ").slice(0, 60) || "x";
    const plain = line.replace(/[<>]/g, "") || "x";
    const slug = `prueba-${n}`;
    /** Makes something. What runs is refused where markup may stand. */
    const make = async (path, fields, markup) => {
      let made = await owner("POST", path, { ...fields, [markup]: payload });
      if (made.status === 422) made = await owner("POST", path, { ...fields, [markup]: plain });
      if (made.status !== 201) fault(payload, `${path} answers ${made.status} ${JSON.stringify(made.json)}`);
      return made.status === 201 ? made.json.id : null;
    };
    const picture = await owner("POST", `/media?filename=foto.png&alt_text=${encodeURIComponent(line)}`, PNG, { "Content-Type": "image/png" });
    if (picture.status !== 201) { fault(payload, `the picture answers ${picture.status} ${JSON.stringify(picture.json)}`); continue; }
    await publish(payload, `/media/${picture.json.id}`, {});
    const campus = await owner("POST", "/campuses", { slug, name: line, city: line, address: line, postal_code: line.slice(0, 20), time_zone: "Europe/Madrid" });
    if (campus.status !== 201) { fault(payload, `the campus answers ${campus.status}`); continue; }
    const course = await make("/courses", { slug, title: line, duration_hours: 1, modality: "presencial", price: { amount: 100, currency: "EUR" }, campus_ids: [campus.json.id], level: line, category: line, seo: { title: line, description: payload, keywords: [line] } }, "description");
    const post = await make("/blog-posts", { slug, title: line, excerpt: payload, category: line, featured_image_id: picture.json.id }, "content");
    await make("/faqs", { question: line, category: ["general", "enrollment", "technical", "financial"][n % 4], order_display: n, is_published: true }, "answer");
    if (!course || !post) continue;
    await publish(payload, `/courses/${course}`, { description: "x" });
    await publish(payload, `/blog-posts/${post}`, { content: "x", excerpt: "x" });
    const linked = await owner("POST", `/media/${picture.json.id}/links`, { entity_type: "course", entity_id: course, role: "cover" });
    if (linked.status !== 200) fault(payload, `the link answers ${linked.status}`);
    await owner("POST", "/course-runs", { course_id: course, campus_id: campus.json.id, start_date: "2099-01-01", end_date: "2099-02-01", max_students: 1 });
    await look(`/courses/${slug}`, 1);
    await look(`/blog-posts/${slug}`, 1);
    await look(`/courses?q=${encodeURIComponent(payload)}`);
  }
  await look("/blog-posts?limit=100", 100);
  await look("/faqs");
  await look("/courses");
  await look("/embed/courses");
  await context.close();
  return pages;
}

const program = process.argv[2];
const site = await demo(program);
const browser = await chromium.launch({ executablePath: browserProgram(), args: ["--no-sandbox"] });
try {
  await control(browser, site.url);
  const owner = await caller(site, "owner");
  let [looked, structured, events] = [0, 0, 0];
  for (const locale of ["es", "en"]) {
    const { etag } = await owner("GET", "/organization");
    const changed = await owner("PATCH", "/organization", { locale }, { "If-Match": etag });
    if (changed.status !== 200) fault(locale, `the language answers ${changed.status}`);
    const pages = await crawl(browser, site, MOST_PAGES[locale]);
    looked += pages.size;
    structured += structuredDataHolds(pages);
    events += await calendarHolds(site);
  }
  const shown = await nothingWrittenRuns(browser, site);
  console.log(`${looked} pages in 2 languages, light and dark, at 1280 and 320 px; ${structured} pieces of structured data; ${events} events; ${PAYLOADS.length} payloads on ${shown} pages`);
} finally {
  await browser.close();
  site.stop();
}
for (const what of faults.slice(0, 60)) console.error(what);
console.log(`${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
