// Browsers start no worker for a page that was opened from disk. Here a hidden frame takes the worker's place, so that
// the search of this site works without a server.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const queue = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.documentElement.appendChild(frame);
      const inside = frame.contentWindow;
      // what the worker says
      inside.postMessage = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      // scripts that the worker asks for are tags here, and it may go on when they are there
      inside.importScripts = (...urls) => urls.reduce((before, one) => before.then(() => new Promise((done, fail) => {
        const script = frame.contentDocument.createElement("script");
        script.src = new URL(one, url);
        script.onload = done;
        script.onerror = fail;
        frame.contentDocument.head.appendChild(script);
      })), Promise.resolve());
      this.postMessage = (data) => {
        queue.push(data);
        this.flush();
      };
      this.terminate = () => frame.remove();
      let ready = false;
      this.flush = () => {
        while (ready && queue.length) inside.dispatchEvent(new MessageEvent("message", { data: queue.shift() }));
      };
      const script = frame.contentDocument.createElement("script");
      script.src = url;
      script.onload = () => { ready = true; this.flush(); };
      frame.contentDocument.head.appendChild(script);
    }
  };
}
