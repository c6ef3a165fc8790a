// What a person does to the proxy or a session: asks before it ends something, says what came of it.

/** A form that changes something: asks, sends JSON, says what came of it. */
export function action(form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { action: address, confirm: question } = form.dataset;
    if (question !== undefined && !confirm(question)) return;
    const outcome = document.getElementById("outcome");
    const button = form.querySelector("button");
    button.disabled = true;
    outcome.textContent = "…";
    try {
      const fields = [...new FormData(form)].filter(([, value]) => value !== "");
      const body = JSON.stringify(Object.fromEntries(fields.map(([name, value]) => [name, Number(value)])));
      const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body });
      outcome.textContent = answer.ok ? await done(answer) : refusal(await answer.json());
    } catch (error) {
      outcome.textContent = `no answer: ${error.message}`;
    } finally {
      button.disabled = false;
    }
  });
}

/** Why something was not done: a configuration has a mistake a line. */
function refusal({ error, mistakes = [] }) {
  return error ?? mistakes.join("\n");
}

/** What is said of a success; a file is saved. */
async function done(answer) {
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  if (name === undefined) return "done";
  const address = URL.createObjectURL(await answer.blob());
  const anchor = Object.assign(document.createElement("a"), { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return `saved ${name}`;
}
