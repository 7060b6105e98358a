// Asks for the browser's permission when the button is pressed, and notifies once when a watched run has ended.
const WANTED = "notify of ended runs";

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const supported = "Notification" in window;
  const wanted = () => supported && Notification.permission === "granted" && localStorage.getItem(WANTED) === "yes";
  const draw = () => {
    const denied = supported && Notification.permission === "denied";
    button.hidden = !supported || !data.active;
    button.disabled = denied;
    button.setAttribute("aria-pressed", String(wanted()));
    button.textContent = denied ? "Notifications are blocked in this browser"
      : wanted() ? "✓ Notifies when it ends" : "Notify me when it ends";
  };
  button.onclick = async () => {
    if (wanted()) localStorage.removeItem(WANTED);
    else if (await Notification.requestPermission() === "granted") localStorage.setItem(WANTED, "yes");
    draw();
  };
  const watched = `watched run ${data.run}`;
  if (data.active) sessionStorage.setItem(watched, "yes");
  else if (sessionStorage.getItem(watched)) {
    sessionStorage.removeItem(watched);
    if (wanted()) {
      const shown = new Notification(data.title, { body: data.body, tag: data.run });
      shown.onclick = () => window.focus();
    }
  }
  draw();
}
