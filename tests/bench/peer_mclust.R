# SPDX-License-Identifier: MIT
#
# The pass of mclust for bench_peers.py: Rscript peer_mclust.R COVARIANCE D K FILE FEW MANY.
# FILE as for peer_pass. Prints the seconds of MANY passes less those of FEW, a pass.
suppressMessages(library(mclust))
words <- commandArgs(trailingOnly = TRUE)
d <- as.integer(words[2])
k <- as.integer(words[3])
size <- file.info(words[4])$size / 8
values <- readBin(words[4], "double", size)
cov_size <- if (words[1] == "full") d * d else d
head <- k * (1 + d + cov_size)
weights <- values[1:k]
means <- matrix(values[(k + 1):(k + k * d)], d, k)
covs <- values[(k + k * d + 1):head]
points <- matrix(values[(head + 1):size], ncol = d, byrow = TRUE)
model <- if (d == 1) "V" else if (words[1] == "full") "VVV" else "VVI"
parameters <- list(pro = weights, mean = means)
if (d == 1) {
  parameters$mean <- means[1, ]
  parameters$variance <- list(modelName = "V", d = 1, G = k, sigmasq = covs)
} else {
  sigma <- array(0, c(d, d, k))
  for (i in 1:k) {
    part <- covs[((i - 1) * cov_size + 1):(i * cov_size)]
    sigma[, , i] <- if (words[1] == "full") matrix(part, d, d) else diag(part)
  }
  parameters$variance <- mclustVariance(model, d, k)
  parameters$variance$sigma <- sigma
  parameters$variance$cholsigma <- array(apply(sigma, 3, chol), c(d, d, k))
  if (model == "VVI") {
    parameters$variance$scale <- apply(sigma, 3, function(s) prod(diag(s))^(1 / d))
    parameters$variance$shape <- sapply(1:k, function(i) {
      diag(sigma[, , i]) / parameters$variance$scale[i]
    })
  }
}
# The least of several; the clock of system.time() is too coarse.
run <- function(passes) {
  control <- emControl(eps = 0, tol = c(0, 0), itmax = c(passes, passes))
  best <- Inf
  end <- as.numeric(Sys.time()) + 1
  for (round in 1:5) {
    begin <- as.numeric(Sys.time())
    suppressWarnings(
      em(modelName = model, data = points, parameters = parameters, control = control)
    )
    now <- as.numeric(Sys.time())
    best <- min(best, now - begin)
    if (now > end) break
  }
  best
}
few <- as.integer(words[5])
many <- as.integer(words[6])
base <- run(few)
cat(format((run(many) - base) / (many - few), digits = 9), "\n")
