(function () {
  "use strict";
  var body = document.body;
  function each(selector, f) { Array.prototype.forEach.call(document.querySelectorAll(selector), f); }

  function copy(text, button) {
    function done() {
      var label = button.textContent;
      button.textContent = "Copied"; button.classList.add("done");
      setTimeout(function () { button.textContent = label; button.classList.remove("done"); }, 1500);
    }
    function byHand() {
      var area = document.createElement("textarea");
      area.value = text; body.appendChild(area); area.select();
      try { if (document.execCommand("copy")) { done(); } } finally { area.remove(); }
    }
    if (navigator.clipboard) { navigator.clipboard.writeText(text).then(done, byHand); } else { byHand(); }
  }
  each("button[data-copy]", function (button) {
    button.addEventListener("click", function () {
      copy(document.getElementById(button.dataset.copy).textContent, button);
    });
  });

  function unlock(pin) {
    var form = document.getElementById("pin");
    return fetch(body.dataset.unlock, {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ id: body.dataset.report, secret: body.dataset.secret, pin: pin })
    }).then(function (r) { return r.json(); }).then(function (answer) {
      var note = form.querySelector(".err");
      if (!answer.auth) {
        if (pin) { note.textContent = answer.message; }
        return;
      }
      document.getElementById("secrets").innerHTML = answer.html;
      ["curl", "test"].forEach(function (name) {
        if (answer[name]) { document.getElementById(name).textContent = answer[name]; }
      });
    });
  }
  var form = document.getElementById("pin");
  if (form) {
    form.addEventListener("submit", function (e) { e.preventDefault(); unlock(form.elements.pin.value); });
    unlock("").catch(function () {});
  }

  if (body.dataset.state) {
    (function look() {
      fetch(body.dataset.ask, { cache: "no-store", credentials: "same-origin" })
        .then(function (r) { return r.json(); })
        .then(function (now) {
          if (now.state !== body.dataset.state) { location.reload(); return; }
          setTimeout(look, 300);
        })
        .catch(function () { setTimeout(look, 600); });
    })();
  }
})();
