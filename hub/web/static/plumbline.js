// What pages do beyond links and forms: charts, the choice of colours, a question before something final.
(() => {
  const COLOURS = { actual: "--chart-actual", target: "--chart-target", other: "--chart-other" };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function draw(place) {
    if (place.dataset.drawn || !window.uPlot) return;
    place.dataset.drawn = "yes";
    const chart = JSON.parse(place.dataset.chart);
    const zone = document.documentElement.dataset.zone || "UTC";
    const axis = { stroke: () => colour("--chart-text"), grid: { stroke: () => colour("--chart-grid"), width: 1 } };
    const series = chart.lines.map((line) => ({
      label: line.label,
      stroke: () => colour(COLOURS[line.role]),
      width: line.role === "target" ? 1.5 : 2,
      dash: line.role === "target" ? [6, 4] : [],
      points: { show: chart.times.length < 60 },
    }));
    const size = () => ({ width: place.clientWidth, height: 280 });
    const picture = new uPlot(
      {
        ...size(),
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
        series: [{ label: "" }, ...series],
        axes: [axis, { ...axis, size: 60, label: chart.unit }],
      },
      [chart.times, ...chart.lines.map((line) => line.values)],
      place,
    );
    document.addEventListener("plumbline:theme", () => picture.redraw());
    new ResizeObserver(() => picture.setSize(size())).observe(place);
  }

  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);

  function showTheme() {
    document.querySelectorAll("[data-theme-choice]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === window.plumblineTheme.read()));
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    window.plumblineTheme.choose(button.dataset.themeChoice);
    showTheme();
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", drawAll);
  drawAll();
  showTheme();
})();
