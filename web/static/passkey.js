// Passkeys: a form with data-passkey asks the server for a challenge, has the browser
// make a passkey or sign with one, and is then sent like any other form. What needs
// this module is hidden without it.
const make = {
  create: async (offer) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(offer) }),
  get: async (offer) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(offer) }),
};

for (const form of window.PublicKeyCredential?.parseRequestOptionsFromJSON ? document.querySelectorAll("form[data-passkey]") : []) {
  const trouble = form.querySelector("[data-trouble]");
  const button = form.querySelector("button");
  form.closest("[data-scripted]").hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.hidden = true;
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.offer, { method: "POST", body: new URLSearchParams({ token: form.elements.token.value }) });
      if (answer.redirected) return location.assign(answer.url);
      if (!answer.ok) throw new Error(answer.statusText);
      const made = await make[form.dataset.passkey](await answer.json());
      form.elements.passkey.value = JSON.stringify(made.toJSON());
      form.submit();
    } catch {
      trouble.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}
