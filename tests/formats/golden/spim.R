# K = 3, J = 3; types are 1 both, 2 left, 3 right
cells <- read.csv("spim_cells.csv")
traps <- read.csv("spim_traps.csv")
fill <- function(name, n) {
  out <- array(0, dim = c(n, 3, 3, 3))
  mine <- cells[cells$array == name, c(2, 3, 4, 5)]
  out[as.matrix(mine)] <- 1
  out
}
data <- list(
  both = fill("both", 1),
  left = fill("left", 2),
  right = fill("right", 2),
  IDknown = seq_len(1),
  X = as.matrix(traps[, c(3, 4, 5)])
)
