/**
 * What a page can try, as functions in the page: put into each by pages.test.ts. It is a script of its own since our
 * sources know no `document`.
 */

const name = (error) => String(error);

window.attacks = {
  /** The answer's status, id and text, or the error. */
  read: (url, init) =>
    fetch(url, init).then(async (response) => {
      const { status, type, headers } = response;
      return { status, type, id: headers.get("x-request-id"), text: await response.text() };
    }, name),

  beacon: (url, body) => navigator.sendBeacon(url, body),

  /** As text/plain a form's body is one line: a field's name, `=` and its value, which together are JSON. */
  form(url, enctype, body) {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.name = `for ${url}`;
    const form = document.body.appendChild(document.createElement("form"));
    Object.assign(form, { action: url, enctype, method: "post", target: frame.name });
    const input = form.appendChild(document.createElement("input"));
    input.name = `${body.slice(0, -1)},"x":"`;
    input.value = '"}';
    form.submit();
  },

  /** `load` or `error`, whichever the element says. */
  element: (tag, url) =>
    new Promise((resolve) => {
      const element = document.createElement(tag);
      element.onload = () => resolve("load");
      element.onerror = () => resolve("error");
      Object.assign(element, tag === "link" ? { rel: "stylesheet", href: url } : { src: url, data: url });
      document.body.append(element);
    }),

  /** `open` or `error`, of each. */
  listen: (url) =>
    Promise.all(
      [new EventSource(`${url}/events`), new WebSocket(`${url.replace("http", "ws")}/v1/responses`)].map(
        (source) =>
          new Promise((resolve) => {
            source.onopen = () => resolve("open");
            source.onerror = () => resolve("error");
          }),
      ),
    ),

  /** From a frame without an origin of its own. */
  nobody: (url, body) =>
    new Promise((resolve) => {
      window.addEventListener("message", ({ data }) => resolve(data));
      const frame = document.createElement("iframe");
      frame.setAttribute("sandbox", "allow-scripts");
      frame.srcdoc = `<script>fetch(${JSON.stringify(url)}, { method: "POST", body: ${JSON.stringify(body)} })
        .then((response) => response.text(), String).then((text) => parent.postMessage(text, "*"))</script>`;
      document.body.append(frame);
    }),
};
