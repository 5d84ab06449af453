// page.js CHROMIUM: the daemon's page in a headless browser, driven by lines of JSON on stdin, one
// command each: {"do":"open","url":U}, {"do":"text","of":SELECTOR}, {"do":"click","on":SELECTOR},
// {"do":"fill","in":SELECTOR,"with":TEXT}, {"do":"choose","in":SELECTOR,"file":PATH},
// {"do":"script","source":JAVASCRIPT}, {"do":"size","width":N,"height":N}, {"do":"press","key":KEY}. Each is waited for and answered by a line: {"value":V} or
// {"error":WORDS}. The browser asks nothing beside the page; {"do":"asked"} tells what it did.
const readline = require("readline");
const { chromium } = require("playwright-core");

const PATIENCE_MS = 20000;

async function main(executablePath) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("dialog", (dialog) => dialog.accept());
  const jobs = {
    open: ({ url }) => page.goto(url),
    text: ({ of }) => page.locator(of).first().innerText(),
    count: ({ of }) => page.locator(of).count(),
    await: ({ of }) => page.locator(of).first().waitFor(),
    gone: ({ of }) => page.locator(of).first().waitFor({ state: "detached" }),
    click: ({ on }) => page.locator(on).first().click(),
    fill: ({ in: place, with: text }) => page.locator(place).fill(text),
    choose: ({ in: place, file }) => page.locator(place).setInputFiles(file),
    script: ({ source }) => page.evaluate(source),
    size: ({ width, height }) => page.setViewportSize({ width, height }),
    press: ({ key }) => page.keyboard.press(key),
    asked: () => asked,
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let answer;
    try {
      const value = await jobs[command.do](command);
      answer = { value: command.do === "open" ? null : value ?? null };
    } catch (error) {
      answer = { error: error.message };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await browser.close();
}

main(process.argv[2]);
