// Package nn is the neural network engine: one-dimensional networks described
// as data (Spec), compiled into a Network that trains or a Plan that infers.
//
// Activations are time-major with channels last: a Tensor [N, L, C] holds N
// windows of L steps of C channels. With zero rows as padding the im2col matrix
// of a convolution is then a strided view of the signal, and one matrix kernel
// serves convolutions, their gradients and dense layers.
//
// Forward and backward of a layer stand one after the other in its file. A
// shape that does not fit is a bug of the caller and panics; whatever a user
// can cause is an error of Spec.Validate or of the packages above.
//
// The package knows nothing of vibration, files, or faults.
package nn
