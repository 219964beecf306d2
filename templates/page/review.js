// Shows the findings that the filters choose. Without it all are shown.
const form = document.getElementById('filters');
const findings = [...document.querySelectorAll('article[data-severity]')];

function choose() {
  const chosen = new FormData(form);
  const fits = (data) => chosen.getAll('severity').includes(data.severity)
    && ['category', 'file'].every((name) => !chosen.get(name) || chosen.get(name) === data[name]);
  for (const finding of findings) finding.hidden = !fits(finding.dataset);
  const shown = findings.filter((finding) => !finding.hidden).length;
  form.querySelector('output').textContent = `${shown} of ${findings.length} shown`;
}

function reset() {
  form.reset();
  choose();
}

if (form) {
  form.hidden = false;
  form.addEventListener('change', choose);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.querySelector('button').addEventListener('click', reset);
  // a browser fills in what was chosen before
  addEventListener('pageshow', choose);
  // a link to a finding that is not shown
  addEventListener('hashchange', () => document.querySelector('article[hidden]:target') && reset());
}
