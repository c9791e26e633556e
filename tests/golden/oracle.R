# What R says of the golden sets -> expected_r.json. Needs the packages of install_r.sh and the CSV files of build.py.
# pROC gives DeLong, bootstrap and partial areas; cutpointr and OptimalCutpoints the thresholds; Hmisc, epiR the
# proportions; rms, glm the calibration; geepack the clustered proportion; psych kappa; epiR CCC.
# Written here by hand, so not independent: agresti_coull, jeffreys, the linearised clustered error, Obuchowski.
suppressMessages({
  library(jsonlite); library(pROC); library(cutpointr); library(OptimalCutpoints)
  library(epiR); library(Hmisc); library(rms); library(psych); library(geepack)
})
file_argument <- grep("^--file=", commandArgs(FALSE), value = TRUE)
folder <- dirname(normalizePath(sub("^--file=", "", file_argument)))
FLOOR <- 0.86
DRAWS <- 2000
Z <- qnorm(.975)

read_set <- function(name) read.csv(file.path(folder, paste0(name, ".csv")))
roc_of <- function(y, score) pROC::roc(y, score, levels = c(0, 1), direction = "<", quiet = TRUE)
or_message <- function(code) tryCatch(suppressWarnings(code), error = function(e) list(error = conditionMessage(e)))

proportion_intervals <- function(x, n) {
  both <- binconf(x, n, method = "all")
  centre <- (x + Z^2 / 2) / (n + Z^2)
  list(
    x = x, n = n,
    clopper_pearson = as.numeric(binom.test(x, n)$conf.int),
    wilson = as.numeric(both["Wilson", 2:3]),
    wald = as.numeric(both["Asymptotic", 2:3]),
    agresti_coull = centre + c(-1, 1) * Z * sqrt(centre * (1 - centre) / (n + Z^2)),
    jeffreys = qbeta(c(.025, .975), x + .5, n - x + .5),
    clopper_pearson_lower = binom.test(x, n, alternative = "greater")$conf.int[1]
  )
}

at_floor <- function(r) {
  points <- pROC::coords(r, "all", ret = c("threshold", "sensitivity", "specificity", "tp", "fn"), transpose = FALSE)
  positives <- round(points$tp + points$fn)
  feasible <- points[round(points$tp) >= ceiling(FLOOR * positives - 1e-9), ]
  best <- feasible[feasible$specificity == max(feasible$specificity), c("threshold", "sensitivity", "specificity")]
  list(
    equally_specific = nrow(best),
    least_sensitive = as.list(best[which.min(best$sensitivity), ]),
    most_sensitive = as.list(best[which.max(best$sensitivity), ])
  )
}

bootstrap_at <- function(r, threshold) {
  set.seed(42)
  found <- pROC::ci.thresholds(r, thresholds = threshold, boot.n = DRAWS, progress = "none")
  lapply(found[c("sensitivity", "specificity")], as.numeric)
}

discrimination <- function(y, score) {
  r <- roc_of(y, score)
  floor_points <- at_floor(r)
  set.seed(42)
  bootstrap <- pROC::ci.auc(r, method = "bootstrap", boot.n = DRAWS, boot.stratified = TRUE, progress = "none")
  partial <- function(focus, corrected) as.numeric(pROC::auc(
    r, partial.auc = c(1, .8), partial.auc.focus = focus, partial.auc.correct = corrected
  ))
  list(
    n = length(y), positives = sum(y == 1), negatives = sum(y == 0),
    auroc = as.numeric(pROC::auc(r)),
    delong_variance = as.numeric(pROC::var(r, method = "delong")),
    delong_interval = as.numeric(pROC::ci.auc(r, method = "delong"))[c(1, 3)],
    bootstrap_interval = as.numeric(bootstrap)[c(1, 3)],
    at_floor = floor_points,
    bootstrap_at_floor = or_message(bootstrap_at(r, floor_points$most_sensitive$threshold)),
    partial_specificity_0.8 = partial("specificity", FALSE),
    partial_specificity_0.8_mcclish = or_message(partial("specificity", TRUE)),
    partial_sensitivity_0.8 = partial("sensitivity", FALSE)
  )
}

cutpointr_at_floor <- function(d) or_message({
  d$cutpoint_score <- d$score
  found <- suppressMessages(cutpointr(
    d, cutpoint_score, y, pos_class = 1, neg_class = 0, direction = ">=", method = maximize_metric,
    metric = spec_constrain, constrain_metric = sensitivity, min_constrain = FLOOR, break_ties = c
  ))
  list(threshold = unlist(found$optimal_cutpoint), sensitivity = unlist(found$sensitivity),
       specificity = unlist(found$specificity))
})

optimal_cutpoints_at_floor <- function(d) or_message({
  found <- optimal.cutpoints(
    X = "score", status = "y", tag.healthy = 0, methods = "MinValueSe", data = d,
    control = control.cutpoints(valueSe = FLOOR), ci.fit = FALSE
  )$MinValueSe$Global$optimal.cutoff
  list(threshold = found$cutoff, sensitivity = as.numeric(found$Se[, 1]), specificity = as.numeric(found$Sp[, 1]))
})

scored <- function(d) list(
  discrimination = or_message(discrimination(d$y, d$score)),
  cutpointr = cutpointr_at_floor(d), OptimalCutpoints = optimal_cutpoints_at_floor(d)
)

mcnemar_of <- function(a_right, b_right) {
  b <- sum(a_right & !b_right)
  c <- sum(!a_right & b_right)
  square <- matrix(c(sum(a_right & b_right), b, c, sum(!a_right & !b_right)), 2)
  list(only_a = b, only_b = c, exact_p = binom.test(b, b + c)$p.value, corrected_p = mcnemar.test(square)$p.value)
}

net_benefit <- function(y, prob, at) {
  mean(prob >= at & y == 1) - mean(prob >= at & y == 0) * at / (1 - at)
}

calibration <- function(y, prob) {
  offset_fit <- glm(y ~ offset(qlogis(prob)), binomial)
  slope_fit <- glm(y ~ qlogis(prob), binomial)
  harrell <- val.prob(prob, y, pl = FALSE)
  list(
    in_the_large = as.numeric(coef(offset_fit)), in_the_large_interval = as.numeric(confint.default(offset_fit)),
    slope = as.numeric(coef(slope_fit)[2]), slope_interval = as.numeric(confint.default(slope_fit)[2, ]),
    weak_intercept = as.numeric(coef(slope_fit)[1]),
    weak_intercept_interval = as.numeric(confint.default(slope_fit)[1, ]),
    val_prob = as.list(harrell[c("Intercept", "Slope", "Brier", "C (ROC)", "Dxy")])
  )
}

paired_set <- function(d) {
  a <- roc_of(d$y, d$score_a)
  b <- roc_of(d$y, d$score_b)
  paired <- pROC::roc.test(a, b, method = "delong", paired = TRUE)
  unpaired <- pROC::roc.test(a, b, method = "delong", paired = FALSE)
  set.seed(1)
  by_bootstrap <- pROC::roc.test(a, b, method = "bootstrap", boot.n = DRAWS, progress = "none")
  says_a <- d$score_a >= .5
  says_b <- d$score_b >= .5
  right_a <- says_a == d$y
  right_b <- says_b == d$y
  tp <- sum(says_a & d$y == 1); fn <- sum(!says_a & d$y == 1)
  fp <- sum(says_a & d$y == 0); tn <- sum(!says_a & d$y == 0)
  at <- seq(.1, .9, .1)
  list(
    model_a = scored(transform(d, score = score_a)), model_b = discrimination(d$y, d$score_b),
    delong_paired = list(z = as.numeric(paired$statistic), p = paired$p.value,
                         interval = as.numeric(paired$conf.int), covariance = as.numeric(pROC::cov(a, b))),
    delong_unpaired = list(statistic = as.numeric(unpaired$statistic), df = as.numeric(unpaired$parameter),
                           p = unpaired$p.value),
    bootstrap_paired_p = by_bootstrap$p.value,
    mcnemar = list(all = mcnemar_of(right_a, right_b),
                   positives = mcnemar_of(right_a[d$y == 1], right_b[d$y == 1]),
                   negatives = mcnemar_of(right_a[d$y == 0], right_b[d$y == 0])),
    at_0.5 = list(tp = tp, fn = fn, fp = fp, tn = tn,
                  sensitivity = proportion_intervals(tp, tp + fn), specificity = proportion_intervals(tn, tn + fp),
                  ppv = proportion_intervals(tp, tp + fp), npv = proportion_intervals(tn, tn + fn),
                  accuracy = proportion_intervals(tp + tn, nrow(d)),
                  epiR = as.data.frame(epi.tests(as.table(matrix(c(tp, fp, fn, tn), 2, byrow = TRUE)))$detail)),
    calibration_a = calibration(d$y, d$score_a),
    net_benefit = list(threshold = at, a = sapply(at, net_benefit, y = d$y, prob = d$score_a),
                       b = sapply(at, net_benefit, y = d$y, prob = d$score_b),
                       all = mean(d$y) - (1 - mean(d$y)) * at / (1 - at)),
    by_site = lapply(split(d, d$site), function(site) list(
      n = nrow(site), positives = sum(site$y),
      auroc = as.numeric(pROC::auc(roc_of(site$y, site$score_a))),
      delong_interval = as.numeric(pROC::ci.auc(roc_of(site$y, site$score_a)))[c(1, 3)],
      sensitivity = proportion_intervals(sum(site$score_a >= .5 & site$y == 1), sum(site$y))
    ))
  )
}

# Obuchowski 1997, Biometrics 53:567-578
obuchowski <- function(d) {
  positives <- d[d$y == 1, ]
  negatives <- d[d$y == 0, ]
  wins <- outer(positives$score, negatives$score, function(p, n) (p > n) + .5 * (p == n))
  area <- mean(wins)
  by_patient <- function(values, patients) tapply(values, factor(patients, levels = unique(d$patient)), sum, default = 0)
  excess_positive <- by_patient(rowMeans(wins) - area, positives$patient)
  excess_negative <- by_patient(colMeans(wins) - area, negatives$patient)
  m <- nrow(positives); n <- nrow(negatives)
  k <- length(unique(d$patient)); k10 <- length(unique(positives$patient)); k01 <- length(unique(negatives$patient))
  variance <- k10 / (k10 - 1) * sum(excess_positive^2) / m^2 + k01 / (k01 - 1) * sum(excess_negative^2) / n^2 +
    2 * k / (k - 1) * sum(excess_positive * excess_negative) / (m * n)
  list(auroc = area, se = sqrt(variance))
}

clustered_sensitivity <- function(d) {
  positives <- d[d$y == 1, ]
  positives$hit <- as.integer(positives$score >= .5)
  positives$id <- as.integer(factor(positives$patient))
  positives <- positives[order(positives$id), ]
  gee <- summary(geeglm(hit ~ 1, id = id, data = positives, family = binomial, corstr = "independence"))$coefficients
  hits <- tapply(positives$hit, positives$id, sum)
  films <- tapply(positives$hit, positives$id, length)
  share <- sum(hits) / sum(films)
  k <- length(hits)
  list(
    value = share, films = sum(films), patients = k,
    se_linearised = sqrt(k / (k - 1) * sum((hits - share * films)^2) / sum(films)^2),
    gee_logit = gee[1, 1], gee_robust_se = gee[1, 2],
    gee_interval = plogis(gee[1, 1] + c(-1, 1) * Z * gee[1, 2])
  )
}

three_class_set <- function(d) {
  prob <- as.matrix(d[, 2:4])
  colnames(prob) <- 0:2
  says <- max.col(prob, ties.method = "first") - 1
  kappa <- psych::cohen.kappa(cbind(d$y, says), w = outer(0:2, 0:2, function(a, b) (a - b)^2 / 4))
  one_against_rest <- sapply(0:2, function(k) as.numeric(pROC::auc(roc_of(as.integer(d$y == k), prob[, k + 1]))))
  list(
    hand_till = as.numeric(pROC::multiclass.roc(d$y, prob, quiet = TRUE)$auc),
    ovr = one_against_rest, ovr_macro = mean(one_against_rest),
    kappa = kappa$kappa, kappa_quadratic = kappa$weighted.kappa,
    kappa_variance = kappa$var.kappa,
    confusion = unclass(table(factor(d$y, 0:2), factor(says, 0:2))),
    bone_loss = discrimination(as.integer(d$y > 0), 1 - prob[, 1])
  )
}

regression_set <- function(d) {
  difference <- d$t_pred - d$t_true
  n <- nrow(d)
  s <- sd(difference)
  pearson <- cor.test(d$t_true, d$t_pred)
  ccc <- epi.ccc(d$t_true, d$t_pred, ci = "z-transform")
  list(
    mae = mean(abs(difference)), rmse = sqrt(mean(difference^2)),
    r2 = 1 - sum(difference^2) / sum((d$t_true - mean(d$t_true))^2),
    pearson = as.numeric(pearson$estimate), pearson_p = pearson$p.value, pearson_interval = as.numeric(pearson$conf.int),
    bias = mean(difference), sd = s, bias_interval = as.numeric(t.test(difference)$conf.int),
    limits = mean(difference) + c(-1, 1) * Z * s, limits_1.96 = mean(difference) + c(-1.96, 1.96) * s,
    limits_se = s * sqrt(1 / n + Z^2 / (2 * (n - 1))),
    ccc = as.numeric(ccc$rho.c), ccc_bias_correction = ccc$C.b,
    proportional_bias_slope = as.numeric(coef(lm(difference ~ I((d$t_true + d$t_pred) / 2)))[2]),
    calibration_line = as.numeric(coef(lm(t_true ~ t_pred, d)))
  )
}

large <- read_set("g05_100k")
large_roc <- roc_of(large$y, large$score)
clustered <- read_set("g06_clustered")
plain <- c("g01_small", "g02_heavy_ties", "g03_perfect", "g04_one_class", "g07_weights", "g12_collinear_ties",
           "g13_near_ties", "g14_reversed", "g15_single_pos")
packages <- c("pROC", "cutpointr", "OptimalCutpoints", "epiR", "rms", "Hmisc", "psych", "geepack", "jsonlite")
counts <- list(c(0, 10), c(10, 10), c(1, 1), c(0, 1), c(117, 136), c(124, 136), c(86, 100), c(43, 50), c(5, 7),
               c(81, 263), c(99999, 100000))

figures <- c(
  list(versions = c(list(R = R.version.string), sapply(packages, function(p) as.character(packageVersion(p))))),
  sapply(plain, function(name) scored(read_set(name)), simplify = FALSE),
  list(
    g05_100k = list(auroc = as.numeric(pROC::auc(large_roc)), delong_variance = as.numeric(pROC::var(large_roc)),
                    delong_interval = as.numeric(pROC::ci.auc(large_roc))[c(1, 3)]),
    g06_clustered = c(scored(clustered), list(
      obuchowski = obuchowski(clustered), sensitivity_at_0.5 = clustered_sensitivity(clustered))),
    g08_paired = paired_set(read_set("g08_paired")),
    g10_three_class = three_class_set(read_set("g10_three_class")),
    g11_regression = regression_set(read_set("g11_regression")),
    proportions = lapply(counts, function(count) proportion_intervals(count[1], count[2]))
  )
)
write_json(figures, file.path(folder, "expected_r.json"), digits = NA, auto_unbox = TRUE, pretty = TRUE,
           null = "null", na = "string")
